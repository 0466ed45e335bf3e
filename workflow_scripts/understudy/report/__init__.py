"""What people read: report, card, review, comparison; and publishing."""

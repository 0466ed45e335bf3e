"""What of the page is kept in the project: conversations, and answers that somebody found wrong."""

"""What makes a pack, a folder to give away; what reads one is understudy/serving/pack.py."""

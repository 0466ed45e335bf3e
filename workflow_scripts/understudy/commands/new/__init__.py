"""`understudy new`: a project of one's own, asked for or named by options, with what is on this machine to choose from."""

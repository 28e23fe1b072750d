"""The ports on a server of one's own: a database, and a folder or any S3-compatible store."""

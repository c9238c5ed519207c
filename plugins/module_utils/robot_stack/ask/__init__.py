"""Questions over HTTP to services, bounded in bytes and in time."""

/**
 * The database's history: version N is reached by running the Nth script on version N-1. Scripts that were released
 * are never changed; a test migrates a database of each earlier version.
 */
export const migrations: readonly string[] = [
  /* 1 */ `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- What was begun and not ended: written before the first effect, deleted with the row that commits it.
  CREATE TABLE operations (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, data TEXT NOT NULL, session TEXT NOT NULL, started_at TEXT NOT NULL,
    UNIQUE (kind, subject)
  ) STRICT, WITHOUT ROWID;

  -- What garbage collection spares though no image names it: a pull under way (no expiry), or one that broke off.
  CREATE TABLE leases (
    id TEXT PRIMARY KEY, subject TEXT NOT NULL, session TEXT NOT NULL, expires_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lease_items (
    lease TEXT NOT NULL REFERENCES leases(id) ON DELETE CASCADE, kind TEXT NOT NULL CHECK (kind IN ('layer', 'blob')), id TEXT NOT NULL,
    PRIMARY KEY (lease, kind, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE blobs (digest TEXT PRIMARY KEY, size INTEGER NOT NULL, media_type TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- Indexes and manifests. What an image of one platform is made of stands in its row, so that listing reads no blob.
  CREATE TABLE manifests (
    digest TEXT PRIMARY KEY, media_type TEXT NOT NULL, size INTEGER NOT NULL,
    config_digest TEXT, os TEXT, architecture TEXT, variant TEXT, created_at TEXT, labels TEXT,
    layers TEXT -- JSON: [{digest, size, mediaType, diffId, chainId}], bottom first
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE manifest_children (
    parent TEXT NOT NULL REFERENCES manifests(digest) ON DELETE CASCADE, child TEXT NOT NULL REFERENCES manifests(digest),
    PRIMARY KEY (parent, child)
  ) STRICT, WITHOUT ROWID;

  -- What a user sees as an image: the manifest or index that was pulled or tagged.
  CREATE TABLE images (
    id TEXT PRIMARY KEY REFERENCES manifests(digest), seq INTEGER NOT NULL UNIQUE, tagged_at TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tags (
    reference TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES images(id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tags_image ON tags(image);

  CREATE TABLE layers (
    layer_id TEXT PRIMARY KEY, chain_id TEXT, diff_id TEXT, parent TEXT, driver TEXT NOT NULL, bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE containers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL, config TEXT NOT NULL,
    image TEXT NOT NULL, -- JSON: what it was made from, which may be gone
    desired TEXT NOT NULL CHECK (desired IN ('running', 'stopped', 'removed')),
    auto_remove INTEGER NOT NULL, restart_count INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE container_state (
    id TEXT PRIMARY KEY REFERENCES containers(id) ON DELETE CASCADE, status TEXT NOT NULL, pid INTEGER NOT NULL,
    token TEXT, -- of the run that the runtime knows
    exit_code INTEGER NOT NULL, oom_killed INTEGER NOT NULL, error TEXT NOT NULL, started_at TEXT, finished_at TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, type TEXT NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL, attributes TEXT NOT NULL
  ) STRICT;
  CREATE TABLE runtime_cursors (runtime TEXT PRIMARY KEY, cursor TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
];

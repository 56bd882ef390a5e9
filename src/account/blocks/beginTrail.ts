import type { Sql } from '../db/sql.ts'

/**
 * From where on it is known what went, of a database of schema version 3: from the newest pack, for what is before it may
 * have been deleted in part; or from the last row that was made of version 2 (`at` is 0), before which drops
 * are missing; or from the beginning.
 */
export const beginTrail = (sql: Sql): void => {
  sql.run(`INSERT INTO trail (n, begins, ends, gone)
    SELECT n, rev, rev, x'' FROM (
      SELECT * FROM (SELECT loose AS n, rev, 1 AS turn FROM pack ORDER BY id DESC LIMIT 1)
      UNION ALL SELECT * FROM (SELECT n, rev, 2 FROM loose WHERE at = 0 ORDER BY n DESC LIMIT 1)
      UNION ALL SELECT 0, '', 3
    ) ORDER BY turn LIMIT 1`)
}

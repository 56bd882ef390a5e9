import type { Sql } from '../sql.ts'

/**
 * From where on schema version 3 knows what went: from the oldest pack behind which no row is gone, or from the last
 * row that was made of version 2 (`at` is 0), before which drops are missing, or from the beginning.
 */
export const beginTrail = (sql: Sql): void => {
  sql.run(`INSERT INTO trail (n, begins, ends, gone)
    SELECT n, rev, rev, x'' FROM (
      SELECT loose AS n, rev, id AS turn FROM pack WHERE loose + 1 >= (SELECT min(n) FROM loose)
      UNION ALL SELECT * FROM (SELECT loose, rev, id FROM pack ORDER BY id DESC LIMIT 1)
      UNION ALL SELECT * FROM (SELECT n, rev, 1e9 FROM loose WHERE at = 0 ORDER BY n DESC LIMIT 1)
      UNION ALL SELECT 0, '', 2e9
    ) ORDER BY turn LIMIT 1`)
}

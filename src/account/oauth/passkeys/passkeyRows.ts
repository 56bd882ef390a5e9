import type { Credential } from '../../../webauthn/verifyRegistration.ts'
import { bytes, type Sql } from '../../db/sql.ts'
import type { Passkey } from '../types.ts'

type Row = { id: string; name: string; created_at: number; last_used_at: number | null }
type CredentialRow = Row & { key: ArrayBuffer; counter: number }

const fromRow = ({ id, name, created_at, last_used_at }: Row): Passkey => ({
  id,
  name,
  createdAt: created_at,
  lastUsedAt: last_used_at ?? undefined,
})

/** The newest first. */
export const listPasskeys = (sql: Sql): Passkey[] =>
  sql
    .all<Row>('SELECT id, name, created_at, last_used_at FROM passkey ORDER BY created_at DESC, id')
    .map(fromRow)

/** A passkey with what verifies it. */
export const readPasskey = (
  sql: Sql,
  id: string,
): { passkey: Passkey; credential: Credential } | undefined => {
  const row = sql.first<CredentialRow>('SELECT * FROM passkey WHERE id = ?', id)
  return row && { passkey: fromRow(row), credential: { id, key: bytes(row.key), counter: row.counter } }
}

export const insertPasskey = (
  sql: Sql,
  { id, key, counter }: Credential,
  name: string,
  now: number,
): Passkey => {
  sql.assertTransaction()
  sql.run(
    'INSERT INTO passkey (id, name, key, counter, created_at) VALUES (?, ?, ?, ?, ?)',
    id,
    name,
    key,
    counter,
    now,
  )
  return { id, name, createdAt: now, lastUsedAt: undefined }
}

export const noteUse = (sql: Sql, id: string, counter: number, now: number): void => {
  sql.assertTransaction()
  sql.run('UPDATE passkey SET counter = ?, last_used_at = ? WHERE id = ?', counter, now, id)
}

import type { Backup } from '../../../webauthn/backupOf.ts'
import type { Assertion } from '../../../webauthn/verifyAssertion.ts'
import type { Credential } from '../../../webauthn/verifyRegistration.ts'
import { bytes, type Sql } from '../../db/sql.ts'
import type { Passkey } from './types.ts'

type Row = {
  id: string
  name: string
  backup: string | null
  created_at: number
  last_used_at: number | null
}
type CredentialRow = Row & { key: ArrayBuffer; counter: number }

const readBackup = (kept: string | null): Backup | undefined =>
  kept === 'device' || kept === 'eligible' || kept === 'synced' ? kept : undefined

const fromRow = ({ id, name, backup, created_at, last_used_at }: Row): Passkey => ({
  id,
  name,
  backup: readBackup(backup),
  createdAt: created_at,
  lastUsedAt: last_used_at ?? undefined,
})

/** The newest first. */
export const listPasskeys = (sql: Sql): Passkey[] =>
  sql
    .all<Row>('SELECT id, name, backup, created_at, last_used_at FROM passkey ORDER BY created_at DESC, id')
    .map(fromRow)

/** A passkey with what verifies it. */
export const readPasskey = (
  sql: Sql,
  id: string,
): { passkey: Passkey; credential: Credential } | undefined => {
  const row = sql.first<CredentialRow>('SELECT * FROM passkey WHERE id = ?', id)
  if (!row) return undefined
  const passkey = fromRow(row)
  const { backup } = passkey
  return { passkey, credential: { id, key: bytes(row.key), counter: row.counter, backup } }
}

export const insertPasskey = (
  sql: Sql,
  { id, key, counter, backup }: Credential,
  name: string,
  now: number,
): Passkey => {
  sql.assertTransaction()
  sql.run(
    'INSERT INTO passkey (id, name, key, counter, backup, created_at) VALUES (?, ?, ?, ?, ?, ?)',
    id,
    name,
    key,
    counter,
    backup ?? null,
    now,
  )
  return { id, name, backup, createdAt: now, lastUsedAt: undefined }
}

export const noteUse = (sql: Sql, id: string, { counter, backup }: Assertion, now: number): void => {
  sql.assertTransaction()
  sql.run(
    'UPDATE passkey SET counter = ?, backup = ?, last_used_at = ? WHERE id = ?',
    counter,
    backup,
    now,
    id,
  )
}

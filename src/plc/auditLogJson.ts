import type { VerifiedLog } from './types.ts'

/** A log as the directory's `/log/audit` answers it, with nullified operations. */
export const auditLogJson = ({ did, entries }: Pick<VerifiedLog, 'did' | 'entries'>): unknown[] =>
  entries.map(({ raw, cid, nullified, createdAt }) => ({
    did,
    operation: raw,
    cid,
    nullified,
    createdAt: new Date(createdAt).toISOString(),
  }))

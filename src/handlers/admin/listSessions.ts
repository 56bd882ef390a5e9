import type { Handler } from '../context.ts'

const isoTime = (at: number): string => new Date(at).toISOString()

export const listSessions: Handler<'com.cirrus.admin.listSessions'> = ({ account }) => ({
  sessions: account.sessions.list().map(({ id, client, via, createdAt, lastUsedAt, expiresAt }) => ({
    id,
    ...(client !== undefined && { client }),
    ...(via !== undefined && { via }),
    createdAt: isoTime(createdAt),
    lastUsedAt: isoTime(lastUsedAt),
    expiresAt: isoTime(expiresAt),
  })),
})

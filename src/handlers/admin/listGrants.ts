import type { Handler } from '../context.ts'
import { isoTime } from '../isoTime.ts'

export const listGrants: Handler<'com.cirrus.admin.listGrants'> = ({ account }) => ({
  grants: account.oauth.grants
    .list()
    .map(({ id, clientId, clientName, expanded, createdAt, lastUsedAt, expiresAt }) => ({
      id,
      clientId,
      ...(clientName !== undefined && { clientName }),
      scope: expanded,
      createdAt: isoTime(createdAt),
      lastUsedAt: isoTime(lastUsedAt),
      expiresAt: isoTime(expiresAt),
    })),
})

import type { Handler } from '../context.ts'
import { isoTime } from '../isoTime.ts'

export const listSessions: Handler<'com.cirrus.admin.listSessions'> = ({ account }) => ({
  sessions: account.sessions
    .list()
    .map(({ id, client, via, appPassword, createdAt, lastUsedAt, expiresAt }) => ({
      id,
      ...(client !== undefined && { client }),
      ...(via !== undefined && { via }),
      ...(appPassword && { appPassword: appPassword.name }),
      createdAt: isoTime(createdAt),
      lastUsedAt: isoTime(lastUsedAt),
      expiresAt: isoTime(expiresAt),
    })),
  browsers: account.oauth.browserSignIns
    .list()
    .map(({ id, client, via, isRemembered, createdAt, expiresAt }) => ({
      id,
      ...(client !== undefined && { client }),
      via,
      remembered: isRemembered,
      createdAt: isoTime(createdAt),
      expiresAt: isoTime(expiresAt),
    })),
})

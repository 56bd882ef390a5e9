import { ensureValidDid, isValidHandle } from '@atproto/syntax'
import { KeyError } from './crypto/errors.ts'
import { Secret } from './crypto/secret.ts'
import type { OwnIdentity } from './identity/ownIdentity.ts'
import type { ViewsRpc } from './viewPlan.ts'
import type { DataLocation } from './dataLocation.ts'
import {
  ConfigError,
  CONFIGURATION_HELP,
  HOST_NAME,
  PUBLIC_RELAYS,
  readAdminPassword,
  readBackup,
  readCdnUrlPattern,
  readEmail,
  readHours,
  readLimit,
  readLocation,
  readPlcUrl,
  readPoints,
  readPrevious,
  readRecoveryKeys,
  readRelays,
  readService,
  serverName,
  type ServerName,
  type Service,
} from './configValues.ts'
import { error } from './xrpc/errors.ts'

/** The methods of a `PasswordObject`. */
export interface PasswordRpc extends Rpc.DurableObjectBranded {
  matches(password: string, stored: string): Promise<boolean>
}

/** The methods of an `AccountObject` besides `fetch`. Only the Worker can call them. */
export interface AccountRpc extends Rpc.DurableObjectBranded, ViewsRpc {
  ownIdentity(): Promise<OwnIdentity>
}

/** Bindings, vars and secrets as wrangler provides them; see README, "Configuration". */
export interface Env {
  ACCOUNT: DurableObjectNamespace<AccountRpc>
  PASSWORDS: DurableObjectNamespace<PasswordRpc>
  BLOBS: R2Bucket
  DID?: string
  HANDLE?: string
  HOSTNAME?: string
  PREVIOUS_HOSTNAMES?: string
  PLC_DIRECTORY_URL?: string
  RECOVERY_KEYS?: string
  SIGNING_KEY?: string
  NEXT_SIGNING_KEY?: string
  ROTATION_KEY?: string
  ADMIN_PASSWORD?: string
  PASSWORD_HASH?: string
  SESSION_SECRET?: string
  RELAYS?: string
  FIREHOSE_RETENTION_HOURS?: string
  WRITE_POINTS_PER_HOUR?: string
  UPLOADS_PER_DAY?: string
  REQUESTS_PER_5_MINUTES?: string
  CDN_URL_PATTERN?: string
  APPVIEW?: string
  MODERATION?: string
  CHAT?: string
  DATA_LOCATION?: string
  EMAIL?: string
  BACKUP?: string
  /** `true` only in development and in tests: loopback may be reached, over http too. */
  DEV?: string
}

/** The deployment's configuration, read once from the Worker's environment and checked. */
export interface Config {
  did: string
  handle: string
  hostname: string
  /** `https://<hostname>`; in development plain http on loopback. */
  origin: string
  /** `did:web:<hostname>`, with a port escaped. */
  serviceDid: string
  /** The addresses that this server had before: a DID that still names one of them names this server. */
  previous: readonly ServerName[]
  plcUrl: string
  /** The owner's recovery keys as did:key, the highest authority first. */
  recoveryKeys: string[]
  /** Origins of the relays that are asked to crawl this server. */
  relays: string[]
  /** How long the firehose keeps events, in milliseconds. */
  retentionMs: number
  /** The points of writes that are allowed in an hour, and seven times as many in a day. */
  writePointsPerHour: number
  /** How many blobs one address may upload in a day; 0 for any number. */
  uploadsPerDay: number
  /** How many requests one address may send in 5 minutes; 0 for any number. */
  requestsPer5Minutes: number
  /** Where clients find the pictures of records that the AppView has not indexed yet; undefined: here. */
  cdnUrlPattern: string | undefined
  /** Undefined: there is none. */
  services: { appView: Service | undefined; moderation: Service | undefined; chat: Service | undefined }
  /** The owner's address, which clients show and people sign in with. No mail is sent to it. */
  email: string | undefined
  dataLocation: DataLocation
  /** Whether the account is backed up into the bucket every day. */
  dailyBackup: boolean
  dev: boolean
  /** ROTATION_KEY is set: the rotation key does not follow a change of SIGNING_KEY. */
  hasRotationKey: boolean
  secrets: {
    signingKey: Secret
    /** What takes the place of `signingKey`: see `pds rotate-key`. */
    nextSigningKey: Secret | undefined
    rotationKey: Secret
    adminPassword: Secret
    passwordHash: Secret
    session: Secret
  }
}

/**
 * A mistake in the configuration as an answer to the caller: it names vars and forms, never secrets. Other causes are
 * returned unchanged.
 */
export const notConfigured = (cause: unknown): unknown => {
  if (cause instanceof ConfigError) return error('InternalServerError', `Not configured: ${cause.message}`)
  if (cause instanceof KeyError && cause.code === 'BadSecret')
    return error('InternalServerError', `Not configured: ${cause.message}. ${CONFIGURATION_HELP}.`)
  return cause
}

const required = (env: Env, name: keyof Env): string => {
  const value = env[name]
  if (typeof value !== 'string' || value === '') throw new ConfigError(name, 'is not set')
  return value
}

/** Reads the configuration, or throws a ConfigError. */
export function readConfig(env: Env): Config {
  const did = required(env, 'DID')
  const handle = required(env, 'HANDLE').toLowerCase()
  const hostname = required(env, 'HOSTNAME').toLowerCase()
  const dev = env.DEV === 'true'
  try {
    ensureValidDid(did)
  } catch {
    throw new ConfigError('DID', `is "${did}", which is not a DID`)
  }
  if (!isValidHandle(handle)) throw new ConfigError('HANDLE', `is "${handle}", which is not a handle`)
  if (!HOST_NAME.test(hostname)) throw new ConfigError('HOSTNAME', `is "${hostname}": expected a host name`)
  if (!env.PASSWORDS)
    throw new ConfigError(
      'PASSWORDS',
      'is not bound: take over the Durable Object binding and the migration v2 from the wrangler.toml of this version',
    )
  const signingKey = required(env, 'SIGNING_KEY')
  return {
    did,
    handle,
    hostname,
    ...serverName(hostname, dev),
    previous: readPrevious(env.PREVIOUS_HOSTNAMES ?? '', dev),
    plcUrl: readPlcUrl(env.PLC_DIRECTORY_URL || 'https://plc.directory'),
    recoveryKeys: readRecoveryKeys(env.RECOVERY_KEYS ?? ''),
    relays: readRelays(env.RELAYS ?? (dev ? '' : PUBLIC_RELAYS)),
    retentionMs: readHours(env.FIREHOSE_RETENTION_HOURS || '72') * 3600_000,
    writePointsPerHour: readPoints(env.WRITE_POINTS_PER_HOUR || '5000'),
    uploadsPerDay: readLimit('UPLOADS_PER_DAY', env.UPLOADS_PER_DAY || '1000'),
    requestsPer5Minutes: readLimit('REQUESTS_PER_5_MINUTES', env.REQUESTS_PER_5_MINUTES || '3000'),
    dailyBackup: readBackup(env.BACKUP ?? ''),
    cdnUrlPattern: readCdnUrlPattern(env.CDN_URL_PATTERN ?? ''),
    services: {
      appView: readService('APPVIEW', env.APPVIEW, dev),
      moderation: readService('MODERATION', env.MODERATION, dev),
      chat: readService('CHAT', env.CHAT, dev),
    },
    email: readEmail((env.EMAIL ?? '').trim()),
    dataLocation: readLocation(env.DATA_LOCATION ?? '', dev),
    dev,
    hasRotationKey: Boolean(env.ROTATION_KEY),
    secrets: {
      signingKey: new Secret(signingKey),
      nextSigningKey: env.NEXT_SIGNING_KEY ? new Secret(env.NEXT_SIGNING_KEY) : undefined,
      rotationKey: new Secret(env.ROTATION_KEY || signingKey),
      adminPassword: readAdminPassword(required(env, 'ADMIN_PASSWORD')),
      passwordHash: new Secret(required(env, 'PASSWORD_HASH')),
      session: new Secret(required(env, 'SESSION_SECRET')),
    },
  }
}

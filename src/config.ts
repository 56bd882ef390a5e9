import { ensureValidDid, isValidDid, isValidHandle } from '@atproto/syntax'
import { KeyError } from './crypto/errors.ts'
import { isPublicKey } from './crypto/publicKey.ts'
import { Secret } from './crypto/secret.ts'
import type { OwnIdentity } from './identity/ownIdentity.ts'
import type { ViewsRpc } from './viewPlan.ts'
import { DATA_LOCATIONS, type DataLocation, parseDataLocation } from './dataLocation.ts'
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
  /** `true` only in development and in tests: loopback may be reached, over http too. */
  DEV?: string
}

/** A service that requests are forwarded to when they name none. */
export interface Service {
  /** Without a `/` at the end. */
  url: string
  /** Whom tokens for it are made out to. */
  did: string
}

/** What follows from a host name. */
export interface ServerName {
  origin: string
  serviceDid: string
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

/** A value of the configuration that is missing or malformed. The message names it, and never shows a secret. */
export class ConfigError extends Error {
  constructor(name: string, problem: string) {
    super(`${name} ${problem}. ${CONFIGURATION_HELP}.`)
    this.name = 'ConfigError'
  }
}

const CONFIGURATION_HELP = 'Run `pds init`, or see the README\'s section "Configuration"'

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

/** Anybody may guess it, and it opens everything. */
const MIN_ADMIN_PASSWORD_LENGTH = 16

function readAdminPassword(password: string): Secret {
  if (password.length < MIN_ADMIN_PASSWORD_LENGTH)
    throw new ConfigError(
      'ADMIN_PASSWORD',
      `has fewer than ${MIN_ADMIN_PASSWORD_LENGTH} characters, and anybody may guess: set a longer one, such as \`openssl rand -base64 24\` prints, with \`npx wrangler secret put ADMIN_PASSWORD\``,
    )
  return new Secret(password)
}

const PUBLIC_RELAYS = 'https://bsky.network'

/** Origins, separated by spaces or commas. */
function readRelays(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((relay) => {
      const url = URL.canParse(relay) ? new URL(relay) : undefined
      if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search || url.hash)
        throw new ConfigError('RELAYS', `has "${relay}": expected origins, e.g. https://relay.example`)
      return url.origin
    })
}

/** Bluesky's own. */
const PUBLIC_SERVICES = {
  APPVIEW: 'https://api.bsky.app did:web:api.bsky.app',
  MODERATION: 'https://mod.bsky.app did:plc:ar7c4by46qjdydhdevvrndac',
  CHAT: 'https://api.bsky.chat did:web:api.bsky.chat',
}

/** A URL and a DID. */
function readService(env: Env, name: keyof typeof PUBLIC_SERVICES, dev: boolean): Service | undefined {
  // Nothing leaves a server in development but what its developer asks for.
  const text = (env[name] ?? (dev ? '' : PUBLIC_SERVICES[name])).trim()
  if (text === '') return undefined
  const [address = '', did = '', ...rest] = text.split(/[\s,]+/)
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.search ||
    url.hash ||
    !isValidDid(did) ||
    rest.length > 0
  )
    throw new ConfigError(
      name,
      `is "${text.slice(0, 200)}": expected a URL and a DID, e.g. "${PUBLIC_SERVICES[name]}", or "" for none`,
    )
  return { url: address.replace(/\/+$/, ''), did }
}

function readHours(text: string): number {
  const hours = Number(text)
  // A year is more than anybody needs, and far below where milliseconds lose precision.
  if (!(hours > 0 && hours <= 8784))
    throw new ConfigError(
      'FIREHOSE_RETENTION_HOURS',
      `is "${text}": expected hours, above 0 and at most 8784`,
    )
  return hours
}

function readPoints(text: string): number {
  const points = Number(text)
  // A batch of 200 creates, the most that one request may have, is 600 points.
  if (!(Number.isSafeInteger(points) && points >= 600 && points <= 10_000_000))
    throw new ConfigError(
      'WRITE_POINTS_PER_HOUR',
      `is "${text}": expected a whole number of points, at least 600 and at most 10000000`,
    )
  return points
}

/** How often something may be done; 0 for any number of times. */
function readLimit(name: 'UPLOADS_PER_DAY' | 'REQUESTS_PER_5_MINUTES', text: string): number {
  const limit = Number(text)
  if (!(Number.isSafeInteger(limit) && limit >= 0 && limit <= 10_000_000))
    throw new ConfigError(
      name,
      `is "${text.slice(0, 200)}": expected a whole number up to 10000000, or 0 for no limit`,
    )
  return limit
}

/** As the reference has it: `%s` for the preset, the DID and the CID, in this order. */
function readCdnUrlPattern(text: string): string | undefined {
  if (text === '') return undefined
  const url = URL.canParse(text.replaceAll('%s', 'x')) ? new URL(text.replaceAll('%s', 'x')) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || text.split('%s').length !== 4)
    throw new ConfigError(
      'CDN_URL_PATTERN',
      `is "${text.slice(0, 200)}": expected a URL with %s for the preset, for the DID and for the CID, e.g. "https://cdn.bsky.app/img/%s/plain/%s/%s@jpeg"`,
    )
  return text
}

/** Roughly: what has this form can be an address, and nothing is sent to it. */
function readEmail(text: string): string | undefined {
  if (text === '') return undefined
  if (text.length > 254 || !/^[^\s@\p{C}]+@[^\s@\p{C}]+\.[^\s@\p{C}]+$/u.test(text))
    // Anybody gets this message: the address is the owner's.
    throw new ConfigError('EMAIL', 'is not an e-mail address; leave it out, or empty, to have none')
  return text
}

const isLoopback = (hostname: string): boolean => /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(hostname)

function readPlcUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash)
    throw new ConfigError('PLC_DIRECTORY_URL', `is "${text}": expected a URL, e.g. https://plc.directory`)
  return text.replace(/\/$/, '')
}

/**
 * As did:key, separated by spaces or commas. Without this check a mistyped key would be noticed only when an
 * operation is signed.
 */
function readRecoveryKeys(text: string): string[] {
  const keys = text.split(/[\s,]+/).filter(Boolean)
  const bad = keys.find((key) => !isPublicKey(key))
  if (bad !== undefined)
    throw new ConfigError('RECOVERY_KEYS', `has "${bad.slice(0, 100)}", which is not a k256 or P-256 did:key`)
  return keys
}

const HOST_NAME = /^[a-z0-9.-]+(:\d+)?$/

const serverName = (hostname: string, dev: boolean): ServerName => ({
  origin: `${dev && isLoopback(hostname) ? 'http' : 'https'}://${hostname}`,
  serviceDid: `did:web:${hostname.replace(':', '%3A')}`,
})

/** Host names, separated by spaces or commas. */
function readPrevious(text: string, dev: boolean): ServerName[] {
  const names = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
  const bad = names.find((name) => !HOST_NAME.test(name))
  if (bad !== undefined)
    throw new ConfigError('PREVIOUS_HOSTNAMES', `has "${bad.slice(0, 100)}": expected host names`)
  return names.map((name) => serverName(name, dev))
}

function readLocation(text: string, dev: boolean): DataLocation {
  const location = parseDataLocation(text)
  if (!location)
    throw new ConfigError('DATA_LOCATION', `is "${text.slice(0, 100)}": expected ${DATA_LOCATIONS}`)
  // workerd on one's own machine has no jurisdictions.
  return dev ? {} : location
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
    cdnUrlPattern: readCdnUrlPattern(env.CDN_URL_PATTERN ?? ''),
    services: {
      appView: readService(env, 'APPVIEW', dev),
      moderation: readService(env, 'MODERATION', dev),
      chat: readService(env, 'CHAT', dev),
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

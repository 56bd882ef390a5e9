import { isValidDid } from '@atproto/syntax'
import { isPublicKey } from './crypto/publicKey.ts'
import { Secret } from './crypto/secret.ts'
import { DATA_LOCATIONS, type DataLocation, parseDataLocation } from './dataLocation.ts'

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

/** A value of the configuration that is missing or malformed. The message names it, and never shows a secret. */
export class ConfigError extends Error {
  constructor(name: string, problem: string) {
    super(`${name} ${problem}. ${CONFIGURATION_HELP}.`)
    this.name = 'ConfigError'
  }
}

export const CONFIGURATION_HELP = 'Run `pds init`, or see the README\'s section "Configuration"'

/** Anybody may guess it, and it opens everything. */
const MIN_ADMIN_PASSWORD_LENGTH = 16

export function readAdminPassword(password: string): Secret {
  if (password.length < MIN_ADMIN_PASSWORD_LENGTH)
    throw new ConfigError(
      'ADMIN_PASSWORD',
      `has fewer than ${MIN_ADMIN_PASSWORD_LENGTH} characters, and anybody may guess: set a longer one, such as \`openssl rand -base64 24\` prints, with \`npx wrangler secret put ADMIN_PASSWORD\``,
    )
  return new Secret(password)
}

export const PUBLIC_RELAYS = 'https://bsky.network'

/** Origins, separated by spaces or commas. */
export function readRelays(text: string): string[] {
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
export function readService(
  name: keyof typeof PUBLIC_SERVICES,
  given: string | undefined,
  dev: boolean,
): Service | undefined {
  // Nothing leaves a server in development but what its developer asks for.
  const text = (given ?? (dev ? '' : PUBLIC_SERVICES[name])).trim()
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

export function readHours(text: string): number {
  const hours = Number(text)
  // A year is more than anybody needs, and far below where milliseconds lose precision.
  if (!(hours > 0 && hours <= 8784))
    throw new ConfigError(
      'FIREHOSE_RETENTION_HOURS',
      `is "${text}": expected hours, above 0 and at most 8784`,
    )
  return hours
}

export function readPoints(text: string): number {
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
export function readLimit(name: 'UPLOADS_PER_DAY' | 'REQUESTS_PER_5_MINUTES', text: string): number {
  const limit = Number(text)
  if (!(Number.isSafeInteger(limit) && limit >= 0 && limit <= 10_000_000))
    throw new ConfigError(
      name,
      `is "${text.slice(0, 200)}": expected a whole number up to 10000000, or 0 for no limit`,
    )
  return limit
}

/** As the reference has it: `%s` for the preset, the DID and the CID, in this order. */
export function readCdnUrlPattern(text: string): string | undefined {
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
export function readEmail(text: string): string | undefined {
  if (text === '') return undefined
  if (text.length > 254 || !/^[^\s@\p{C}]+@[^\s@\p{C}]+\.[^\s@\p{C}]+$/u.test(text))
    // Anybody gets this message: the address is the owner's.
    throw new ConfigError('EMAIL', 'is not an e-mail address; leave it out, or empty, to have none')
  return text
}

/** Whether the Worker backs the account up into its bucket. */
export function readBackup(text: string): boolean {
  if (text !== '' && text !== 'daily')
    throw new ConfigError('BACKUP', `is "${text.slice(0, 200)}": expected "daily", or "" for none`)
  return text === 'daily'
}

const isLoopback = (hostname: string): boolean => /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(hostname)

export function readPlcUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash)
    throw new ConfigError('PLC_DIRECTORY_URL', `is "${text}": expected a URL, e.g. https://plc.directory`)
  return text.replace(/\/$/, '')
}

/**
 * As did:key, separated by spaces or commas. Without this check a mistyped key would be noticed only when an
 * operation is signed.
 */
export function readRecoveryKeys(text: string): string[] {
  const keys = text.split(/[\s,]+/).filter(Boolean)
  const bad = keys.find((key) => !isPublicKey(key))
  if (bad !== undefined)
    throw new ConfigError('RECOVERY_KEYS', `has "${bad.slice(0, 100)}", which is not a k256 or P-256 did:key`)
  return keys
}

export const HOST_NAME = /^[a-z0-9.-]+(:\d+)?$/

export const serverName = (hostname: string, dev: boolean): ServerName => ({
  origin: `${dev && isLoopback(hostname) ? 'http' : 'https'}://${hostname}`,
  serviceDid: `did:web:${hostname.replace(':', '%3A')}`,
})

/** Host names, separated by spaces or commas. */
export function readPrevious(text: string, dev: boolean): ServerName[] {
  const names = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
  const bad = names.find((name) => !HOST_NAME.test(name))
  if (bad !== undefined)
    throw new ConfigError('PREVIOUS_HOSTNAMES', `has "${bad.slice(0, 100)}": expected host names`)
  return names.map((name) => serverName(name, dev))
}

export function readLocation(text: string, dev: boolean): DataLocation {
  const location = parseDataLocation(text)
  if (!location)
    throw new ConfigError('DATA_LOCATION', `is "${text.slice(0, 100)}": expected ${DATA_LOCATIONS}`)
  // workerd on one's own machine has no jurisdictions.
  return dev ? {} : location
}

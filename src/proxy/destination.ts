import { isValidDid } from '@atproto/syntax'
import type { Config } from '../config.ts'
import type { Service } from '../configValues.ts'
import { error } from '../xrpc/errors.ts'

/** The service that a request is for. */
export interface Destination {
  did: string
  /** Its name in the DID document, without `#`. */
  id: string
  /** Where it is, if the configuration says so. */
  url?: string
}

export const APP_VIEW_ID = 'bsky_appview'
const MODERATION_ID = 'atproto_labeler'
const CHAT_ID = 'bsky_chat'

/** The services of the configuration, by their names in DID documents. */
const configured = ({ services }: Pick<Config, 'services'>): Record<string, Service | undefined> => ({
  [APP_VIEW_ID]: services.appView,
  [MODERATION_ID]: services.moderation,
  [CHAT_ID]: services.chat,
})

/** A header `atproto-proxy`, such as `did:web:api.example#bsky_appview`. Throws if it has another form. */
const parseProxyHeader = (header: string): { did: string; id: string } => {
  const refuse = (problem: string) =>
    error(
      'InvalidRequest',
      `atproto-proxy: ${problem}, got "${header.slice(0, 200)}"; expected a DID and a service, e.g. did:web:api.example#bsky_appview`,
    )
  if (header.includes(' ')) throw refuse('it has a space')
  const [did = '', id, ...rest] = header.split('#')
  if (did === '') throw refuse('there is no DID')
  if (id === undefined || (id === '' && rest.length === 0)) throw refuse('there is no service after the DID')
  if (rest.length > 0) throw refuse('there is more than one #')
  if (!isValidDid(did)) throw refuse('the DID is malformed')
  if (!/^[\w.:-]{1,64}$/.test(id)) throw refuse('the service is malformed')
  return { did, id }
}

/** Whether an address is this server's, by its present host name or by one that it had: a Worker cannot ask itself. */
export const isThisServer = (
  { origin, previous }: Pick<Config, 'origin' | 'previous'>,
  address: string,
): boolean => [origin, ...previous.map((name) => name.origin)].includes(new URL(address).origin)

/** The name of the service that a method is for where the request names none. */
const defaultId = (method: string): string => {
  const name = method.toLowerCase()
  if (name.startsWith('chat.bsky.')) return CHAT_ID
  return name.startsWith('tools.ozone.') || name === 'com.atproto.moderation.createreport'
    ? MODERATION_ID
    : APP_VIEW_ID
}

/** The variable of the configuration that sets it. */
const VARIABLES: Record<string, string> = {
  [APP_VIEW_ID]: 'APPVIEW',
  [MODERATION_ID]: 'MODERATION',
  [CHAT_ID]: 'CHAT',
}

/** Where a request goes: to the service in its header `atproto-proxy`, or else to the configured one for its method. */
export const destinationOf = (
  config: Pick<Config, 'services' | 'dev'>,
  method: string,
  header: string | null,
): Destination => {
  const services = configured(config)
  if (header === null) {
    const id = defaultId(method)
    const service = services[id]
    if (service) return { ...service, id }
    const variable = VARIABLES[id]
    const how = config.dev
      ? `set ${variable} to a URL and a DID, in the environment of \`npm run dev\` or in the wrangler.toml of \`pds dev\`: in development there is none by default`
      : `set ${variable}`
    throw error(
      'InvalidRequest',
      `No service configured for ${method}: name one in the header atproto-proxy, or ${how}`,
    )
  }
  const named = parseProxyHeader(header)
  const service = services[named.id]
  return service?.did === named.did ? { ...named, url: service.url } : named
}

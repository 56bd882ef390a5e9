import type { RpcPermission } from '@atproto/oauth-scopes'
import type { ConsentKind, Lines } from './lines.ts'
import type { Phrases } from './phrases.ts'

/** What a method is about, for a person. */
type Topic =
  | 'everything'
  | 'readMessages'
  | 'writeMessages'
  | 'readSettings'
  | 'writeSettings'
  | 'read'
  | 'write'
  | 'report'
  | 'moderate'
  | 'move'
  | 'other'

const KINDS: Readonly<Record<Topic, ConsentKind>> = {
  move: 'control',
  everything: 'write',
  readMessages: 'private',
  writeMessages: 'private',
  readSettings: 'private',
  writeSettings: 'write',
  write: 'write',
  report: 'write',
  moderate: 'write',
  other: 'write',
  read: 'read',
}

const NAMED: Readonly<Record<string, Topic>> = {
  '*': 'everything',
  'app.bsky.actor.getpreferences': 'readSettings',
  'app.bsky.actor.putpreferences': 'writeSettings',
  'com.atproto.moderation.createreport': 'report',
  'com.atproto.server.createaccount': 'move',
}

const isReading = (name: string): boolean => /\.(?:get|list|search|describe|export|check)\w*$/.test(name)

/** However the method is spelled, as some servers route methods in any case. */
const topicOf = (lxm: string): Topic => {
  const name = lxm.toLowerCase()
  const named = NAMED[name]
  if (named) return named
  if (name.startsWith('chat.bsky.')) return isReading(name) ? 'readMessages' : 'writeMessages'
  if (name.startsWith('tools.ozone.')) return 'moderate'
  if (name.startsWith('app.bsky.')) return isReading(name) ? 'read' : 'write'
  return 'other'
}

/** How many methods of a service that has no words of its own are named in its line. */
const NAMED_METHODS = 3

const textOf = (topic: Topic, service: string, methods: readonly string[], phrases: Phrases): string => {
  const { words, list } = phrases
  const areas = () =>
    list([
      ...new Set(
        methods.map((lxm) => {
          const area = lxm.split('.')[2] ?? lxm
          return (Object.hasOwn(words.areas, area) && words.areas[area]) || area
        }),
      ),
    ])
  switch (topic) {
    case 'readMessages':
      return words.messages.read
    case 'writeMessages':
      return words.messages.write
    case 'read':
    case 'write':
      return words.rpc[topic](service, areas())
    case 'other': {
      const rest = methods.length - NAMED_METHODS
      const names = rest > 1 ? [...methods.slice(0, NAMED_METHODS), words.more(rest)] : methods
      return words.rpc.other(service, list(names))
    }
    default:
      return words.rpc[topic](service)
  }
}

/** What may be done with other services, a line for each topic and service. Says what of messages is open. */
export const describeRpc = (
  lines: Lines,
  phrases: Phrases,
  permissions: readonly RpcPermission[],
): { readsMessages: boolean; writesMessages: boolean } => {
  const methods = new Map<string, { aud: string; topic: Topic; names: Set<string> }>()
  for (const { aud, lxm } of permissions)
    for (const name of lxm) {
      const topic = topicOf(name)
      const key = `${topic} ${aud}`
      const group = methods.get(key) ?? { aud, topic, names: new Set() }
      group.names.add(name)
      methods.set(key, group)
    }
  for (const { aud, topic, names } of methods.values()) {
    const service = phrases.words.services[aud] ?? aud
    lines.add(KINDS[topic], textOf(topic, service, [...names], phrases), names)
  }
  const topics = new Set([...methods.values()].map(({ topic }) => topic))
  return {
    readsMessages: topics.has('readMessages') || topics.has('everything'),
    writesMessages: topics.has('writeMessages') || topics.has('everything'),
  }
}

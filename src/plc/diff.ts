import { PDS_ID } from './build.ts'
import type { PlcData } from './types.ts'

/** One thing that an operation changes, for the journal and the preview. */
export interface OperationChange {
  kind: 'rotationKey' | 'endpoint' | 'handle' | 'signingKey' | 'service' | 'verificationMethod'
  change: 'added' | 'dropped' | 'changed' | 'moved'
  /** The whole of it as a sentence for a person. */
  text: string
}

type Say = (id: string, before: string | undefined, after: string | undefined) => OperationChange | undefined

const entry =
  (kind: OperationChange['kind'], name: (id: string) => string): Say =>
  (id, before, after) => {
    const label = name(id)
    if (before === after) return undefined
    if (before === undefined) return { kind, change: 'added', text: `${label} is added: ${after}` }
    if (after === undefined) return { kind, change: 'dropped', text: `${label} is dropped: ${before}` }
    return { kind, change: 'changed', text: `${label} changes from ${before} to ${after}` }
  }

const compare = (
  before: Record<string, string>,
  after: Record<string, string>,
  say: Say,
): OperationChange[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap(
    (id) => say(id, before[id], after[id]) ?? [],
  )

const keys = (before: string[], after: string[]): OperationChange[] => {
  const dropped = before.filter((key) => !after.includes(key))
  const added = after.filter((key) => !before.includes(key))
  const order = (keys: string[], among: string[]) => keys.filter((key) => among.includes(key)).join(' ')
  const place = (key: string) => `${after.indexOf(key) + 1} of ${after.length}`
  const kind = 'rotationKey'
  return [
    ...dropped.map((key) => ({ kind, change: 'dropped', text: `rotation key ${key} is dropped` }) as const),
    ...added.map(
      (key) => ({ kind, change: 'added', text: `rotation key ${key} is added as ${place(key)}` }) as const,
    ),
    ...(order(before, after) === order(after, before)
      ? []
      : [
          {
            kind,
            change: 'moved',
            text: `the rotation keys change their order: ${after.join(', ')}`,
          } as const,
        ]),
  ]
}

const byId = (data: PlcData): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data.services).map(([id, { type, endpoint }]) => [
      id,
      id === PDS_ID ? endpoint : `${endpoint} (${type})`,
    ]),
  )

/** What an operation changes, mightiest first: keys, where the account lives, how it signs, its handle. */
export const diffOperation = (before: PlcData, after: PlcData): OperationChange[] => [
  ...keys(before.rotationKeys, after.rotationKeys),
  ...compare(byId(before), byId(after), (id, was, is) =>
    id === PDS_ID
      ? entry('endpoint', () => 'the PDS')(id, was, is)
      : entry('service', () => `service ${id}`)(id, was, is),
  ),
  ...compare(before.verificationMethods, after.verificationMethods, (id, was, is) =>
    id === 'atproto'
      ? entry('signingKey', () => 'the signing key')(id, was, is)
      : entry('verificationMethod', () => `verification method ${id}`)(id, was, is),
  ),
  ...compare(
    { handle: before.alsoKnownAs.join(' ') },
    { handle: after.alsoKnownAs.join(' ') },
    entry('handle', () => 'the handle'),
  ),
]

/** The rotation keys that an operation takes away. */
export const droppedKeys = (before: PlcData, after: PlcData): string[] =>
  before.rotationKeys.filter((key) => !after.rotationKeys.includes(key))

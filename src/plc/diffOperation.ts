import { PDS_ID } from './build.ts'
import type { PlcData } from './types.ts'

/** One thing that an operation changes, for the journal and the preview. */
export interface OperationChange {
  kind: 'rotationKey' | 'endpoint' | 'handle' | 'signingKey' | 'service' | 'verificationMethod'
  change: 'added' | 'dropped' | 'changed' | 'moved'
  /** The whole change, as a sentence for a person. */
  text: string
}

type DescribeChange = (
  id: string,
  before: string | undefined,
  after: string | undefined,
) => OperationChange | undefined

const describeEntry =
  (kind: OperationChange['kind'], name: (id: string) => string): DescribeChange =>
  (id, before, after) => {
    const label = name(id)
    if (before === after) return undefined
    if (before === undefined) return { kind, change: 'added', text: `${label} is added: ${after}` }
    if (after === undefined) return { kind, change: 'dropped', text: `${label} is dropped: ${before}` }
    return { kind, change: 'changed', text: `${label} changes from ${before} to ${after}` }
  }

const diffById = (
  before: Record<string, string>,
  after: Record<string, string>,
  say: DescribeChange,
): OperationChange[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap(
    (id) => say(id, before[id], after[id]) ?? [],
  )

const diffRotationKeys = (before: string[], after: string[]): OperationChange[] => {
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

const servicesById = (data: PlcData): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data.services).map(([id, { type, endpoint }]) => [
      id,
      id === PDS_ID ? endpoint : `${endpoint} (${type})`,
    ]),
  )

/** A text of others in a list of sentences: a line break in it would begin a sentence of its own. */
export const onOneLine = (text: string): string => text.replace(/\p{Cc}/gu, '\uFFFD')

/** What an operation changes, the most powerful first: rotation keys, services, verification methods, handle. */
export const diffOperation = (before: PlcData, after: PlcData): OperationChange[] =>
  [
    ...diffRotationKeys(before.rotationKeys, after.rotationKeys),
    ...diffById(servicesById(before), servicesById(after), (id, was, is) =>
      id === PDS_ID
        ? describeEntry('endpoint', () => 'the PDS')(id, was, is)
        : describeEntry('service', () => `service ${id}`)(id, was, is),
    ),
    ...diffById(before.verificationMethods, after.verificationMethods, (id, was, is) =>
      id === 'atproto'
        ? describeEntry('signingKey', () => 'the signing key')(id, was, is)
        : describeEntry('verificationMethod', () => `verification method ${id}`)(id, was, is),
    ),
    ...diffById(
      { handle: before.alsoKnownAs.join(' ') },
      { handle: after.alsoKnownAs.join(' ') },
      describeEntry('handle', () => 'the handle'),
    ),
  ].map((change) => ({ ...change, text: onOneLine(change.text) }))

/** The rotation keys that an operation removes. */
export const droppedKeys = (before: PlcData, after: PlcData): string[] =>
  before.rotationKeys.filter((key) => !after.rotationKeys.includes(key))

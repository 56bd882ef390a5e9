import { PDS_ID } from '../../plc/build.ts'
import { onOneLine } from '../../plc/diffOperation.ts'
import type { KeyHistory, KeyInRole, KeyRole } from '../../plc/keyRoles.ts'
import type { PlcData } from '../../plc/types.ts'

/** One line of what a DID is before and after an operation. `warning`: what the owner should think about first. */
export interface PreviewLine {
  kind: 'kept' | 'added' | 'dropped' | 'warning'
  text: string
}

/** What a rotation key is called by its role. */
const ROLE_NAMES: Record<KeyRole, string> = {
  recovery: 'your recovery key',
  source: 'the old server’s',
  target: 'the new server’s',
  unknown: 'nobody knows whose',
}

export interface PreviewOptions {
  before: PlcData
  after: PlcData
  /** The roles of the keys of both. */
  roles: readonly KeyInRole[]
  /** Where no account moves to a new server: what the keys of servers are called. */
  names?: Pick<Record<KeyRole, string>, 'source' | 'target'>
}

type Kind = PreviewLine['kind']
const line = (kind: Kind, text: string): PreviewLine => ({ kind, text: onOneLine(text) })

const listLines = (name: string, before: readonly string[], after: readonly string[]): PreviewLine[] => [
  ...before.filter((value) => !after.includes(value)).map((value) => line('dropped', `${name} ${value}`)),
  ...after.map((value) => line(before.includes(value) ? 'kept' : 'added', `${name} ${value}`)),
]

const mapLines = (
  label: (id: string) => string,
  before: Record<string, string>,
  after: Record<string, string>,
): PreviewLine[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((id) =>
    listLines(label(id), [before[id]].filter(isText), [after[id]].filter(isText)),
  )

const isText = (value: string | undefined): value is string => value !== undefined

const serviceTexts = ({ services }: PlcData): Record<string, string> =>
  Object.fromEntries(
    Object.entries(services).map(([id, { type, endpoint }]) => [
      id,
      id === PDS_ID ? endpoint : `${endpoint} (${type})`,
    ]),
  )

/** The rotation keys, each with its place and its role: the first can undo what every other one does. */
const keyLines = ({ before, after }: PreviewOptions, named: (key: string) => string): PreviewLine[] => {
  const was = (key: string) => before.rotationKeys.indexOf(key)
  const dropped = before.rotationKeys.filter((key) => !after.rotationKeys.includes(key))
  return [
    ...dropped.map((key) => line('dropped', `rotation key ${was(key) + 1}: ${named(key)}`)),
    ...after.rotationKeys.map((key, i) =>
      line(
        was(key) < 0 ? 'added' : 'kept',
        `rotation key ${i + 1}: ${named(key)}${was(key) < 0 || was(key) === i ? '' : `, was ${was(key) + 1}`}`,
      ),
    ),
  ]
}

const warningTexts = (
  { before, after, names }: PreviewOptions,
  roleOf: (key: string) => KeyRole,
  named: (key: string) => string,
): string[] => {
  const server = names?.target ?? ROLE_NAMES.target
  const isForeign = (key: string) => roleOf(key) === 'source' || roleOf(key) === 'unknown'
  const isOwners = (key: string) => roleOf(key) === 'recovery'
  const keys = after.rotationKeys
  const target = keys.findIndex((key) => roleOf(key) === 'target')
  const dropped = before.rotationKeys.filter((key) => !keys.includes(key))
  const foreignBefore = before.rotationKeys.findIndex(isForeign)
  const ownersBefore = before.rotationKeys.findIndex(isOwners)
  const canUndo = ownersBefore >= 0 && (foreignBefore < 0 || ownersBefore < foreignBefore)
  const hasRecoveryAbove = target < 0 || keys.slice(0, target).some(isOwners)
  return [
    ...dropped
      .filter(isOwners)
      .map((key) => `${named(key)} would be dropped: you could not undo with it any more`),
    ...dropped
      .filter((key) => roleOf(key) === 'unknown')
      .map((key) => `${named(key)} would be dropped. If it is yours, do not agree`),
    ...keys
      .filter(isForeign)
      .map((key) =>
        target >= 0 && keys.indexOf(key) < target
          ? `${named(key)} stays above ${server} key: anyone who has it can take the DID, and undo within 72 hours what ${server} key signs`
          : `${named(key)} stays: anyone who has it can change the DID until an operation drops it`,
      ),
    ...(target >= 0 && !names && !canUndo
      ? ['no recovery key of yours is above the old server’s key: this operation cannot be undone']
      : []),
    ...(hasRecoveryAbove
      ? []
      : [`no recovery key of yours is above ${server} key: you could not undo what it signs`]),
  ]
}

/**
 * The DID before and after an operation, as lines: rotation keys by their roles, services, verification methods, names;
 * then the warnings. A program that shows them decides how a kind looks.
 */
export function previewOperation(options: PreviewOptions): PreviewLine[] {
  const { before, after, roles } = options
  const names = { ...ROLE_NAMES, ...options.names }
  const roleOf = (key: string): KeyRole => roles.find((known) => known.key === key)?.role ?? 'unknown'
  const named = (key: string) => `${key} (${names[roleOf(key)]})`
  return [
    ...keyLines(options, named),
    ...mapLines((id) => (id === PDS_ID ? 'PDS' : `service ${id}`), serviceTexts(before), serviceTexts(after)),
    ...mapLines(
      (id) => (id === 'atproto' ? 'signing key' : `verification method ${id}`),
      before.verificationMethods,
      after.verificationMethods,
    ),
    ...listLines('name', before.alsoKnownAs, after.alsoKnownAs),
    ...warningTexts(options, roleOf, (key) => `rotation key ${named(key)}`).map((text) =>
      line('warning', text),
    ),
  ]
}

const count = (operations: number): string =>
  operations === 1 ? 'one operation' : `${operations} operations`
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** What to ask the owner about a rotation key whose role is unknown: what the log shows of it. */
export const keyQuestion = (key: string, history: KeyHistory | undefined): string => {
  const last = history?.signed.at(-1)
  const facts = history
    ? [
        `The DID has had it since ${day(history.since)}`,
        last
          ? `it signed ${count(history.signed.length)}, last on ${day(last.createdAt)}`
          : 'it never signed an operation',
      ]
    : []
  return `Is the rotation key ${key} yours? ${facts.length > 0 ? `${facts.join('; ')}. ` : ''}A key that is not yours is dropped.`
}

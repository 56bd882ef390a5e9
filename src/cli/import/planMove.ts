import { diffOperation } from '../../plc/diffOperation.ts'
import { PlcError } from '../../plc/errors.ts'
import { rotationKeyLimit, parseUnsignedOperation } from '../../plc/parse.ts'
import type { PlcData, PlcHead, UnsignedOperation } from '../../plc/types.ts'
import { CliError } from '../errors.ts'

/** The operation that moves a DID, down to its last value: what the user sees, what is asked for, what is compared. */
export interface MovePlan {
  operation: UnsignedOperation
  /** What it changes and which rotation keys there will be, as sentences. */
  lines: string[]
  /** The rotation keys that are dropped, because the source names them as its own. */
  dropped: string[]
}

export interface MoveOptions {
  head: PlcHead & { data: PlcData }
  /** What this server recommends: its keys, its name, its address. */
  wanted: PlcData
  /** The rotation keys that are the source's own; undefined if it does not say. */
  sourceKeys: readonly string[] | undefined
}

/**
 * The rotation keys after the move. The keys of this server take the place of the source's own, which are the only
 * ones that are dropped: keys above them stay above ours, all others stay below. If no key is known as the source's
 * own, all stay, and the lowest is taken for it: a Cirrus, which puts the keys above its own first whatever it is asked
 * for, then has nothing to change.
 */
const rotationKeys = (before: readonly string[], wanted: readonly string[], own: ReadonlySet<string>) => {
  const place = before.findLastIndex((key) => own.has(key))
  const cut = place < 0 ? before.length - 1 : place
  const others = (keys: readonly string[]) => keys.filter((key) => !own.has(key))
  return [...new Set([...others(before.slice(0, cut)), ...wanted, ...others(before.slice(cut))])]
}

const keyLines = (
  { head, wanted }: MoveOptions,
  after: readonly string[],
  isSourceKnown: boolean,
): string[] => {
  const stay = head.data.rotationKeys.filter(
    (key) => after.includes(key) && !wanted.rotationKeys.includes(key),
  )
  return [
    `rotation keys after it, the highest first: ${after
      .map((key) => `${key} (${wanted.rotationKeys.includes(key) ? 'asked for by this server' : 'stays'})`)
      .join(', ')}`,
    ...(isSourceKnown || stay.length === 0
      ? []
      : [
          `the source does not say which rotation key is its own, so none is dropped; one of these may be: ${stay.join(', ')}`,
        ]),
  ]
}

/**
 * Merges what this server recommends into what the DID has, so that nothing else is lost: services, verification
 * methods and names of others, and every rotation key that is not the source's own. Throws if the directory would not
 * take the result.
 */
export function planMove(options: MoveOptions): MovePlan {
  const { head, wanted, sourceKeys = [] } = options
  const { data } = head
  const asked = new Set(wanted.rotationKeys)
  const own = new Set(sourceKeys.filter((key) => !asked.has(key)))
  const dropped = data.rotationKeys.filter((key) => own.has(key))
  const keys = rotationKeys(data.rotationKeys, wanted.rotationKeys, own)
  const limit = rotationKeyLimit(data.rotationKeys)
  if (keys.length > limit)
    throw new CliError(
      'too-many-keys',
      `the DID would have ${keys.length} rotation keys, and the directory takes ${limit}: ${keys.join(', ')}`,
    )
  const after: PlcData = {
    rotationKeys: keys,
    alsoKnownAs: [...new Set([...wanted.alsoKnownAs, ...data.alsoKnownAs])],
    verificationMethods: { ...data.verificationMethods, ...wanted.verificationMethods },
    services: { ...data.services, ...wanted.services },
  }
  try {
    const operation = parseUnsignedOperation({ type: 'plc_operation', ...after, prev: head.cid })
    const lines = [
      ...diffOperation(data, after).map(({ text }) => text),
      ...keyLines(options, keys, dropped.length > 0),
    ]
    return { operation, lines, dropped }
  } catch (cause) {
    if (!(cause instanceof PlcError)) throw cause
    throw new CliError('directory-refused', `the directory would not take the operation: ${cause.message}`, {
      cause,
    })
  }
}

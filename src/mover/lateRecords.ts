import type { Cid } from '@atproto/lex-data'

/** A record of a tree. */
export interface TreeRecord {
  /** `collection/rkey`. */
  readonly path: string
  readonly cid: Cid
}

/** A record that was written to one server after the other got its copy. */
export interface LateRecord<Found extends TreeRecord = TreeRecord> {
  readonly path: string
  readonly action: 'create' | 'update' | 'delete'
  /** The record as it has become; undefined for `delete`. */
  readonly late: Found | undefined
  /** What the other server has at this path. */
  readonly there: Cid | undefined
  /** The other server has changed it as well: to bring it over would undo that change. */
  readonly conflict: boolean
}

export interface Trees<Found extends TreeRecord> {
  /** The records of both servers when the copy was made. */
  base: Iterable<TreeRecord>
  /** The records of the server that was written to. */
  late: Iterable<Found>
  /** The records of the server that they are brought to. */
  there: Iterable<TreeRecord>
}

const same = (a: TreeRecord | undefined, b: TreeRecord | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a.cid.equals(b.cid)

const difference = <Found extends TreeRecord>(
  path: string,
  base: TreeRecord | undefined,
  late: Found | undefined,
  there: TreeRecord | undefined,
): LateRecord<Found> | undefined => {
  // Not changed since the copy, or brought over already.
  if (same(base, late) || same(late, there)) return undefined
  const action = late === undefined ? 'delete' : there === undefined ? 'create' : 'update'
  return { path, action, late, there: there?.cid, conflict: !same(base, there) }
}

/**
 * What has to be written to one server so that it has what was written to the other one since the copy. All three lists are
 * in the order of their paths, as a tree gives them, and one record of each is held at a time. It can be asked again after
 * an interruption: what has arrived is not named any more.
 */
export function* lateRecords<Found extends TreeRecord>({
  base,
  late,
  there,
}: Trees<Found>): Generator<LateRecord<Found>, void, void> {
  const [bases, lates, theres] = [base[Symbol.iterator](), late[Symbol.iterator](), there[Symbol.iterator]()]
  let [b, l, t] = [bases.next(), lates.next(), theres.next()]
  while (!b.done || !l.done || !t.done) {
    const paths = [b, l, t].flatMap(({ done, value }) => (done ? [] : [value.path]))
    const path = paths.reduce((least, each) => (each < least ? each : least))
    const at = <Each extends TreeRecord>({ done, value }: IteratorResult<Each, unknown>): Each | undefined =>
      !done && value.path === path ? value : undefined
    const found = difference(path, at(b), at(l), at(t))
    if (found) yield found
    ;[b, l, t] = [at(b) ? bases.next() : b, at(l) ? lates.next() : l, at(t) ? theres.next() : t]
  }
}

import { isObject } from '../isObject.ts'
import { PlcError } from '../plc/errors.ts'
import { parseOperation, parseUnsignedOperation } from '../plc/parse.ts'
import type { Operation, UnsignedOperation } from '../plc/types.ts'
import type { MoveStore } from './moveStore.ts'
import type { StepName } from './stepName.ts'

/** A line of the journal. None holds a password, a token, a session or a code. */
export type JournalEntry =
  | { type: 'move'; did: string; handle: string | undefined; from: string; to: string }
  | { type: 'step'; step: StepName; state: 'begun' | 'done' | 'already' | 'open' | 'failed'; text?: string }
  /** The target is asked to create the account: the answer may be lost. */
  | { type: 'creating'; handle: string }
  /** The target has refused to create it, so an account that is there is somebody else's. */
  | { type: 'notCreated' }
  /** The owner was asked about an account that the target had already, and goes on with it. */
  | { type: 'adopted' }
  /** The target has taken the source's repository as of this commit. */
  | { type: 'repository'; root: string; rev: string; data: string; records: number }
  /** What came to the source up to this commit, after the target had taken its repository, has been brought over. */
  | { type: 'caughtUp'; root: string }
  /** The owner has agreed to this operation. */
  | { type: 'agreed'; operation: UnsignedOperation }
  /** The source has been asked to mail a code for the operation; and it has refused the code that was given. */
  | { type: 'codeSent' }
  | { type: 'codeRefused' }
  /** The source has signed this operation, which uses the mailed code up. */
  | { type: 'signed'; operation: Operation }
  /** What was signed is not submitted: it is not the move that was agreed on. */
  | { type: 'discarded' }
  /** The directory has this operation (its CID). */
  | { type: 'submitted'; cid: string }
  /** The owner goes on without these blobs or records. */
  | { type: 'leftBehind'; kind: 'blobs' | 'records'; names: readonly string[] }
  /** The source is fenced: it takes no writes until the fence is lifted. */
  | { type: 'fenced'; on: boolean }
  /** The source takes no writes any more. */
  | { type: 'deactivated' }

/** What the journal says, put together. */
export interface JournalState {
  move: Extract<JournalEntry, { type: 'move' }> | undefined
  /** Whether this move has made the account at the target, or may have. */
  made: boolean
  adopted: boolean
  /** The handle with which the account was made. */
  handle: string | undefined
  repository: Extract<JournalEntry, { type: 'repository' }> | undefined
  /** The latest commit of the source whose records the target has been given, by an import or one by one. */
  taken: string | undefined
  agreed: UnsignedOperation | undefined
  signed: Operation | undefined
  /** In ISO 8601. */
  codeSentAt: string | undefined
  leftBehind: ReadonlySet<string>
  fenced: boolean
  deactivated: boolean
  done: ReadonlySet<StepName>
  /** What could not be done when it was tried last, although the move went on. */
  open: ReadonlySet<StepName>
}

/** The journal of a move: what was done is written before and after each step, and is on the disk when it resolves. */
export interface Journal {
  readonly state: JournalState
  append(entry: JournalEntry): Promise<void>
}

const EMPTY: JournalState = {
  move: undefined,
  made: false,
  adopted: false,
  handle: undefined,
  repository: undefined,
  taken: undefined,
  agreed: undefined,
  signed: undefined,
  codeSentAt: undefined,
  leftBehind: new Set(),
  fenced: false,
  deactivated: false,
  done: new Set(),
  open: new Set(),
}

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')

/**
 * Adds what a line says. Whatever it cannot be is left out: everything in a journal can be found out again, and a file
 * on a disk may have been changed.
 */
const apply = (state: JournalState, entry: Record<string, unknown>): JournalState => {
  const { type } = entry
  const text = (name: string) => (typeof entry[name] === 'string' ? entry[name] : undefined)
  switch (type) {
    case 'move': {
      const [did, from, to] = [text('did'), text('from'), text('to')]
      if (did === undefined || from === undefined || to === undefined) return state
      return { ...state, move: { type, did, handle: text('handle'), from, to } }
    }
    case 'step': {
      const step = entry['step'] as StepName
      const without = new Set([...state.open].filter((name) => name !== step))
      if (entry['state'] === 'open') return { ...state, open: new Set([...without, step]) }
      return entry['state'] === 'done' || entry['state'] === 'already'
        ? { ...state, done: new Set([...state.done, step]), open: without }
        : state
    }
    case 'creating':
      return { ...state, made: true, handle: text('handle') }
    case 'notCreated':
      return { ...state, made: false, handle: undefined }
    case 'adopted':
      return { ...state, adopted: true }
    case 'repository': {
      const [root, rev, data, records] = [text('root'), text('rev'), text('data'), entry['records']]
      if (root === undefined || rev === undefined || data === undefined || typeof records !== 'number')
        return state
      return { ...state, repository: { type, root, rev, data, records }, taken: root }
    }
    case 'caughtUp':
      return { ...state, taken: text('root') ?? state.taken }
    case 'agreed':
      return { ...state, agreed: parseUnsignedOperation(entry['operation']) }
    case 'signed':
      return { ...state, signed: parseOperation(entry['operation']) }
    case 'codeSent':
      return { ...state, codeSentAt: text('at') }
    case 'codeRefused':
      return { ...state, codeSentAt: undefined }
    case 'discarded':
      return { ...state, signed: undefined }
    case 'leftBehind':
      return isStrings(entry['names'])
        ? { ...state, leftBehind: new Set([...state.leftBehind, ...entry['names']]) }
        : state
    case 'deactivated':
      return { ...state, deactivated: true }
    case 'fenced':
      return { ...state, fenced: entry['on'] === true }
    default:
      return state
  }
}

const readLine = (state: JournalState, line: string): JournalState => {
  try {
    const entry: unknown = JSON.parse(line)
    return isObject(entry) ? apply(state, entry) : state
  } catch (cause) {
    // A line that was torn when the process died, or an operation that is none.
    if (cause instanceof SyntaxError || cause instanceof PlcError) return state
    throw cause
  }
}

/** Opens the journal of a store. `now` is in milliseconds. */
export async function openJournal(store: MoveStore, now: () => number): Promise<Journal> {
  let state = (await store.readLines()).reduce(readLine, EMPTY)
  return {
    get state() {
      return state
    },
    async append(entry) {
      const line = JSON.stringify({ at: new Date(now()).toISOString(), ...entry })
      await store.appendLine(line)
      state = readLine(state, line)
    },
  }
}

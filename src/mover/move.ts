import { createDirectory, type Directory } from '../plc/directory.ts'
import { createSend } from './send.ts'
import { PDS_ID } from '../plc/build.ts'
import type { PlcData, PlcHead } from '../plc/types.ts'
import type { MissingBlob } from './copy/copyBlobs.ts'
import type { RepoFacts } from './copy/writeRepo.ts'
import type { MovePlan } from './identity/planMove.ts'
import type { Journal } from './journal.ts'
import { MoverError } from './moverError.ts'
import { moverFailure } from './refusal.ts'
import type { MoveEvent } from './moveEvent.ts'
import type { MoveRequest } from './moveRequest.ts'
import type { Source } from './source.ts'
import type { StepName } from './stepName.ts'
import type { Target } from './target.ts'
import type { Who } from './who.ts'

/** What the steps of this run have found out. Whatever is undefined was not needed yet. */
export interface MoveFacts {
  /** The DID names the target already. */
  rotated: boolean
  /** The account's handle at the target. */
  handle: string | undefined
  plan: MovePlan | undefined
  /** What the source signed, not yet compared. */
  signed: unknown
  /** The source's repository, in the store, as it was when it was fetched last. */
  repo: RepoFacts | undefined
  /** Blobs that the target lacks. */
  missing: readonly MissingBlob[]
  activated: boolean
  /** It was active at the target before this run, so that its owner may have written to it there. */
  activatedBefore: boolean
  sourceDeactivated: boolean
  /** What is left behind, as sentences. */
  left: string[]
  fenced: boolean
  /** CID of the operation that was sent to the directory, as long as nobody knows whether it has it. */
  submitting: string | undefined
}

/** A move under way: what every step gets. */
export interface Move extends Pick<MoveRequest, 'owner' | 'store' | 'deps'> {
  readonly options: NonNullable<MoveRequest['options']>
  readonly who: Who
  readonly source: Source
  readonly target: Target
  readonly journal: Journal
  readonly directory: Directory
  readonly facts: MoveFacts
  emit(event: MoveEvent): void
}

/** How a step ended: `already` if it was done before, `open` if it could not be done now: the next run tries again. */
export interface Outcome {
  readonly state: 'done' | 'already' | 'open'
  /** What was done, as a sentence. */
  readonly text: string
}

export const done = (text: string): Outcome => ({ state: 'done', text })
export const already = (text: string): Outcome => ({ state: 'already', text })
export const open = (text: string): Outcome => ({ state: 'open', text })

/** A step of a move, as data. It may be repeated after any interruption. */
export interface Step {
  readonly name: StepName
  /** What a person sees. */
  readonly title: string
  /** Whether the account is as before when the move ends here. */
  readonly reversible: boolean
  /** The steps that must be done before it. */
  readonly needs: readonly StepName[]
  /** By asking both servers: what says that it is done already; undefined if it is not. */
  isDone(move: Move): Promise<string | undefined>
  /** Does it, once: the journal has it before and after. */
  run(move: Move): Promise<Outcome>
}

/** The directory, asked from here and through nobody. */
export const directoryOf = (deps: MoveRequest['deps']): Directory =>
  createDirectory(createSend(deps), deps.directoryUrl)

/** The newest operation of the DID, from its verified log. */
export async function headOf({ directory, who }: Move): Promise<PlcHead & { data: PlcData }> {
  try {
    const head = await directory.head(who.did)
    if (head.data) return { ...head, data: head.data }
  } catch (cause) {
    throw moverFailure(cause, 'source')
  }
  throw new MoverError('directory-refused', `${who.did} has been tombstoned: it can never be used again`)
}

/** Whether a DID with this data is at a server with this origin and this signing key. */
export const isAt = (
  { services, verificationMethods }: Pick<PlcData, 'services' | 'verificationMethods'>,
  origin: string,
  signingKey: string | undefined,
): boolean =>
  services[PDS_ID]?.endpoint.replace(/\/$/, '') === origin &&
  (signingKey === undefined || verificationMethods['atproto'] === signingKey)

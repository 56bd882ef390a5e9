import type { QuestionName } from './owner.ts'
import type { StepName } from './stepName.ts'

/** How far a transfer is. `total` and what follows from it are undefined while they are not known. */
export interface TransferProgress {
  readonly bytes: number
  readonly totalBytes?: number | undefined
  readonly count?: number | undefined
  readonly totalCount?: number | undefined
  readonly bytesPerSecond?: number | undefined
  readonly secondsLeft?: number | undefined
}

/** What happens, as it happens. With `--json` each is a line. */
export type MoveEvent =
  | { readonly type: 'step'; readonly step: StepName; readonly state: 'begun' }
  | {
      readonly type: 'step'
      readonly step: StepName
      /** `already`: it was done before this run. `open`: it could not be done now. */
      readonly state: 'done' | 'already' | 'open'
      /** What was done, as a sentence. */
      readonly text: string
    }
  | { readonly type: 'progress'; readonly step: StepName; readonly progress: TransferProgress }
  | { readonly type: 'warning'; readonly step: StepName; readonly code: string; readonly text: string }
  | { readonly type: 'note'; readonly step: StepName; readonly text: string }
  /** A line of the DID before and after the operation. */
  | {
      readonly type: 'preview'
      readonly kind: 'kept' | 'added' | 'dropped' | 'warning'
      readonly text: string
    }
  | { readonly type: 'asked'; readonly step: StepName; readonly question: QuestionName }
  | { readonly type: 'report'; readonly report: MoveReport }

/** How a move ended. */
export interface MoveReport {
  readonly ok: boolean
  readonly did: string
  readonly handle: string
  readonly from: string
  readonly to: string
  /** Everything was done before this run. */
  readonly already: boolean
  /** The last step that was done; `report` if all were. */
  readonly reached: StepName
  readonly rehearsal: boolean
  readonly records: number
  readonly blobs: number
  /** CIDs of the blobs that the target lacks. */
  readonly missing: readonly string[]
  /** What the owner agreed to leave behind, and what could not be copied, as sentences. */
  readonly left: readonly string[]
  readonly activated: boolean
  readonly sourceDeactivated: boolean
  /** What to do next, as a sentence. */
  readonly next: string
}

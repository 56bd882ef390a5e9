/** What the owner is asked, by name: what the question is about, and the type of the answer. */
export interface Questions {
  /** The password of the account at the source. */
  sourcePassword: { asks: { origin: string; identifier: string }; answer: string }
  /** The code that a server has mailed, because it wants a second factor at sign-in. */
  signInCode: { asks: { origin: string }; answer: string }
  /** A migration token, minted at the Cirrus that the account comes from. `why` is set when it is not the first. */
  migrationToken: {
    asks: { origin: string; target: string; why?: string; check: (answer: string) => string | undefined }
    answer: string
  }
  /**
   * The code that the source mails for the PLC operation. `sentAt` (ISO 8601) is when one was sent for this move; `send`
   * has one sent, which voids the one before. It is not called where there is a code already. `token`: a Cirrus mails
   * nothing, and takes a migration token for the target, which is a secret.
   */
  plcCode: {
    asks: {
      origin: string
      sentAt: string | undefined
      send: () => Promise<void>
      token?: { target?: string }
    }
    answer: string
  }
  inviteCode: { asks: { origin: string }; answer: string }
  /** The address that the account has at the target. */
  email: { asks: { origin: string }; answer: string }
  /** The password that the account gets at the target. */
  newPassword: { asks: { origin: string; handle: string }; answer: string }
  /** The password of the account that is at the target already. */
  targetPassword: { asks: { origin: string; handle: string }; answer: string }
  /** The handle that the account has at the target. `why` says why the present one cannot stay. */
  handle: { asks: { why: string; origin: string; domains: readonly string[] }; answer: string }
  /** Whose a rotation key of the DID is: no server can be believed about it. `text` says what the log shows of it. */
  rotationKey: { asks: { key: string; text: string }; answer: 'mine' | 'notMine' | 'unsure' }
  confirm: { asks: Confirmation; answer: boolean }
}

export type QuestionName = keyof Questions

/** A question that is answered with yes or no. */
export interface Confirmation {
  /** What it is about, for programs. */
  readonly topic: ConfirmationTopic
  readonly question: string
  /** What the owner must see to answer. */
  readonly lines: readonly string[]
  /** Nobody could have known of it before: an answer that was given beforehand (`--yes`) does not cover it. */
  readonly insists: boolean
}

export type ConfirmationTopic =
  /** Whether the move may begin. */
  | 'begin'
  /** An account at the target that this move has not made. */
  | 'foundAccount'
  /** The target's account is active though the DID names another server. */
  | 'deactivateTarget'
  /** Another mover holds the lock. */
  | 'takeOver'
  /** Warnings of the preflight. */
  | 'preflight'
  /** What cannot be copied. */
  | 'missing'
  /** Records because of which the target refuses the repository: whether they are deleted at the source. */
  | 'deleteRecords'
  /** The source does not answer any more, so nobody knows whether something was written there after the copy. */
  | 'sourceGone'
  /** The operation, before it is signed. */
  | 'operation'
  /** Keys that the operation drops or leaves above the target's. */
  | 'keys'
  /** What the source signed is not what was asked for. */
  | 'differences'
  | 'deactivateSource'
  /** Undoing a move: the operation, and what is brought back. */
  | 'undo'
  /** Undoing it without what was written to the server that the account leaves. */
  | 'withoutAdditions'
  /** Records that the server that the account leaves has not, and the other one has. */
  | 'deletions'
  /** Records that were written to the source after the copy. */
  | 'lateRecords'

/** The person whose account it is. An answer that cannot be had is thrown as a {@link MoverError}. */
export interface Owner {
  answer<Name extends QuestionName>(
    name: Name,
    asks: Questions[Name]['asks'],
  ): Promise<Questions[Name]['answer']>
}

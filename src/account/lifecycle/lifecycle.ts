/** How an account comes, goes and comes back: created, activated, deactivated. Nothing is ever deleted. */
import { XrpcError } from '../../xrpc/errors.ts'
import type { Observation } from '../identity/identityWatch.ts'
import { activate, follow } from './activate.ts'
import { create, type CreateInput } from './create.ts'
import { deactivate, type DeactivateOptions } from './deactivate.ts'
import { didProblem, type LifecycleDeps } from './deps.ts'
import type { Tokens } from '../auth/sessions.ts'
import { lookUp } from '../identity/upstream.ts'

export class Lifecycle {
  readonly #deps: LifecycleDeps

  constructor(deps: LifecycleDeps) {
    this.#deps = deps
  }

  /** Makes room for an account that moves in: an empty repository, deactivated. */
  create(input: CreateInput, tokenId: string): Promise<Tokens> {
    return create(this.#deps, input, tokenId)
  }

  /** Brings the account up here. May be repeated. */
  activate(): Promise<void> {
    return activate(this.#deps)
  }

  /** Takes the account out of service here. May be repeated. */
  deactivate(options: DeactivateOptions): Promise<void> {
    return deactivate(this.#deps, options)
  }

  /** Looks where the DID points, and signs anew where it names a key that this server was given meanwhile. */
  follow(): Promise<Observation> {
    return follow(this.#deps)
  }

  /** Tells the network to look the DID up again. */
  async emitIdentity(): Promise<{ seq: number; handle: string; error?: string }> {
    const { sequencer, watch } = this.#deps
    let known: Observation | undefined
    let problem: string | undefined
    try {
      known = await lookUp(watch)
    } catch (cause) {
      if (!(cause instanceof XrpcError)) throw cause
      problem = cause.message
    }
    const handle = known?.handle ?? this.#deps.handle
    const { seq } = sequencer.transaction(() => {
      const event = sequencer.identity(handle)
      if (known && watch.isHere(known)) watch.announced(handle, known.signingKey)
      return event
    })
    return { seq, handle, ...(problem !== undefined && { error: problem }) }
  }

  /** Whether the DID names this server and its signing key; false where nobody can say. */
  async isDidValid(): Promise<boolean> {
    const observation = await this.#deps.watch.glance()
    return observation !== undefined && didProblem(this.#deps, observation) === undefined
  }
}

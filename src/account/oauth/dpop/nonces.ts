import { toBase64url } from '../../../crypto/base64url.ts'
import type { Platform } from '../../../platform.ts'

/** Nonces for DPoP proofs, and the proofs that named them. */
export interface Nonces {
  /** The nonce for a client's next proof. */
  next(): string
  /** Notes that a proof with this id named this nonce: `replayed` for an id that did before, `unknown` for another nonce. */
  take(nonce: string, id: string): 'taken' | 'replayed' | 'unknown'
}

const SLOT_MS = 60_000
const NONCE_BYTES = 16
/** The proofs that one nonce takes. Three slots of ids of 43 characters stay below 5 MB. */
export const MAX_PROOFS = 10_000

interface Slot {
  nonce: string
  proofs: Set<string>
}

/**
 * One nonce for each minute. Those of the previous, the present and the next minute are taken, the next one is handed out:
 * it lives for two to three minutes. They are random and only in memory, so that none survives a restart, which forgets
 * the proofs. A proof is remembered as long as its nonce is taken: it cannot be played again.
 *
 * Anybody can sign proofs with keys of their own. Who sends so many that a nonce's memory is full evicts nothing and keeps
 * nobody out: the nonce is not taken any longer, and clients are told the following one.
 */
export const createNonces = ({ now, random }: Pick<Platform, 'now' | 'random'>): Nonces => {
  const slot = (): Slot => ({ nonce: toBase64url(random(NONCE_BYTES)), proofs: new Set() })
  /** Those of the previous, the present and the next minute. */
  let slots: [Slot, Slot, Slot] = [slot(), slot(), slot()]
  let startedAt = now()

  const advance = (): void => {
    slots = [slots[1], slots[2], slot()]
  }

  const update = (): void => {
    const passed = Math.floor((now() - startedAt) / SLOT_MS)
    // If the clock has gone back, what was forgotten could be in time again: all nonces are new.
    for (let n = passed < 0 ? 3 : Math.min(passed, 3); n > 0; n--) advance()
    startedAt = passed < 0 ? now() : startedAt + passed * SLOT_MS
  }

  return {
    next: () => {
      update()
      return slots[2].nonce
    },
    take: (nonce, id) => {
      update()
      const found = slots.find((it) => it.nonce === nonce)
      if (!found) return 'unknown'
      if (found.proofs.has(id)) return 'replayed'
      if (found.proofs.size < MAX_PROOFS) {
        found.proofs.add(id)
        return 'taken'
      }
      if (found === slots[2]) advance()
      return 'unknown'
    },
  }
}

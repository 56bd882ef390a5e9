import { Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { MockDatabase } from '@did-plc/server'
import { loadRotationKey, type RotationKey } from '../../src/signing/keys.ts'
import { parseAuditLog } from '../../src/plc/parse.ts'
import type { AuditEntry } from '../../src/plc/types.ts'
import { testSecret } from '../crypto/support.ts'

export const rotationKey = (name: string): Promise<RotationKey> => loadRotationKey(testSecret(name))

/** Signs any value, which our own keys refuse to do. */
export const signAny = async <T extends object>(name: string, value: T): Promise<T & { sig: string }> => {
  const keypair = await Secp256k1Keypair.import(testSecret(name).reveal())
  const sig = await keypair.sign(encode({ ...value }))
  return { ...value, sig: Buffer.from(sig).toString('base64url') }
}

type Indexed = MockDatabase['contents'][string][number]

/** A directory with the real one's rules (@did-plc/lib), without an HTTP server. */
export const oracle = () => {
  const logs = new Map<string, Indexed[]>()
  const json = (did: string): unknown => {
    const shown = (logs.get(did) ?? []).map((op) => ({
      ...op,
      cid: op.cid.toString(),
      createdAt: op.createdAt.toISOString(),
    }))
    return JSON.parse(JSON.stringify(shown))
  }
  return {
    json,
    log: async (did: string): Promise<AuditEntry[]> => parseAuditLog(json(did)),
    /** Adds the operation to the log if the directory would accept it, and says whether it did. */
    add: async (
      did: string,
      operation: Parameters<MockDatabase['validateAndAddOp']>[1],
    ): Promise<boolean> => {
      const all = logs.get(did) ?? []
      // The real database gives only the valid operations to the rules; the mock would give all of them.
      const db = new MockDatabase()
      db.contents[did] = all.filter((op) => !op.nullified)
      try {
        await db.validateAndAddOp(did, operation)
      } catch {
        return false
      }
      logs.set(did, [...all, ...db.contents[did].slice(-1)])
      return true
    },
  }
}

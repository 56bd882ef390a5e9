import { Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { MockDatabase } from '@did-plc/server'
import { loadRotationKey, type RotationKey } from '../../src/signing/keys.ts'
import { parseAuditLog } from '../../src/plc/parse.ts'
import type { AuditEntry } from '../../src/plc/types.ts'
import { testSecret } from '../crypto/support.ts'

export const rotationKey = (name: string): Promise<RotationKey> => loadRotationKey(testSecret(name))

/** Signs anything at all, which our own keys refuse to. */
export const signAny = async <T extends object>(name: string, value: T): Promise<T & { sig: string }> => {
  const keypair = await Secp256k1Keypair.import(testSecret(name).reveal())
  const sig = await keypair.sign(encode({ ...value }))
  return { ...value, sig: Buffer.from(sig).toString('base64url') }
}

type Indexed = MockDatabase['contents'][string][number]

/** The directory's own rules (@did-plc/lib), without a server around them. */
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
    /** Whether the directory would take it, and if so, it has. */
    add: async (
      did: string,
      operation: Parameters<MockDatabase['validateAndAddOp']>[1],
    ): Promise<boolean> => {
      const all = logs.get(did) ?? []
      // The real database hands only the standing operations to the rules; the mock would hand all.
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

import { createHash } from 'node:crypto'
import { Buffer } from 'node:buffer'
import { loadRotationKey, loadSigningKey } from '../../src/signing/keys.ts'
import { hashPassword } from '../../src/crypto/password.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { createGenesis } from '../../src/plc/build.ts'
import type { Operation } from '../../src/plc/types.ts'

const key = (name: string): string => createHash('sha256').update(`cirrus test: ${name}`).digest('hex')

export const HANDLE = 'alice.example.com'
export const HOSTNAME = 'pds.example.com'
export const PLC_DIRECTORY_URL = 'https://plc.example.com'
export const SIGNING_KEY = key('signing')
export const RECOVERY_KEY = key('recovery')
export const ADMIN_PASSWORD = 'admin-password-of-the-tests'
export const PASSWORD = 'account-password-of-the-tests'
export const SESSION_SECRET = key('session')

/**
 * The deployment that the tests in workerd run against: fixed keys, so that the did:plc that follows from them is
 * fixed too. The values are as public as this file.
 */
export interface Deployment {
  did: string
  genesis: Operation
  bindings: Record<string, string>
}

/** The variables and secrets of the Worker under test, and the operation that created its DID. */
export async function deployment(): Promise<Deployment> {
  const rotation = await loadRotationKey(new Secret(SIGNING_KEY))
  const signing = await loadSigningKey(new Secret(SIGNING_KEY))
  const recovery = await loadRotationKey(new Secret(RECOVERY_KEY))
  const { did, operation } = await createGenesis(rotation, {
    recoveryKeys: [recovery.did],
    signingKey: signing.did,
    handle: HANDLE,
    endpoint: `https://${HOSTNAME}`,
  })
  const bindings = {
    DID: did,
    HANDLE,
    HOSTNAME,
    PLC_DIRECTORY_URL,
    RECOVERY_KEYS: recovery.did,
    SIGNING_KEY,
    ADMIN_PASSWORD,
    PASSWORD_HASH: await hashPassword(new Secret(PASSWORD), Buffer.from(key('salt'), 'hex').subarray(0, 16)),
    SESSION_SECRET,
    DEV: 'true',
  }
  return { did, genesis: operation, bindings }
}

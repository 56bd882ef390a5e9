/** A did:plc account on a Cirrus of its own. */
import { randomBytes } from 'node:crypto'
import { generateKey } from '../src/crypto/privateKey.ts'
import { loadRotationKey, loadSigningKey } from '../src/signing/keys.ts'
import { Secret } from '../src/crypto/secret.ts'
import { createGenesis } from '../src/plc/build.ts'
import { type Cirrus, type CirrusOptions, startCirrus } from './cirrus.ts'
import { freePort } from './port.ts'

export interface PlcAccountOptions {
  readonly plcUrl: string
  readonly handle: string
  readonly port?: number
  /** k256 in hex; a new one by default. */
  readonly signingKey?: string
  /** The owner's recovery keys, which come before ours, as did:key. By default one new key; `[]` for none. */
  readonly recoveryKeys?: readonly string[]
  /** A rotation key other than the signing key. */
  readonly separateRotationKey?: boolean
  /** Where the DID says that its PDS is. By default on loopback, at the port. */
  readonly endpoint?: string
}

/** A registered did:plc, in the shape that `startCirrus` takes. */
export interface PlcAccount {
  readonly plcUrl: string
  readonly did: string
  readonly handle: string
  readonly port: number
  readonly signingKey: string
  readonly rotationKey?: string
  readonly recoveryKeys: readonly string[]
  /** The private half of the recovery key, if it was made here. */
  readonly recoveryKey?: string
}

/** A new k256 private key in hex, and its did:key. */
export const newKey = async (): Promise<{ hex: string; did: string }> => {
  const secret = await generateKey((length) => new Uint8Array(randomBytes(length)))
  return { hex: secret.reveal(), did: (await loadRotationKey(secret)).did }
}

/** Registers a did:plc whose PDS is the Cirrus that will run at `port`. */
export const createPlcAccount = async (options: PlcAccountOptions): Promise<PlcAccount> => {
  const { plcUrl, handle } = options
  const port = options.port ?? (await freePort())
  const signing = options.signingKey === undefined ? await newKey() : { hex: options.signingKey }
  const rotation = options.separateRotationKey ? await newKey() : undefined
  const recovery = options.recoveryKeys ? undefined : await newKey()
  const recoveryKeys = options.recoveryKeys ?? (recovery ? [recovery.did] : [])
  const { did, operation } = await createGenesis(
    await loadRotationKey(new Secret((rotation ?? signing).hex)),
    {
      recoveryKeys,
      signingKey: (await loadSigningKey(new Secret(signing.hex))).did,
      handle,
      endpoint: options.endpoint ?? `http://localhost:${port}`,
    },
  )
  const answer = await fetch(`${plcUrl}/${did}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(operation),
  })
  if (!answer.ok) throw new Error(`the PLC directory refused ${did}: ${await answer.text()}`)
  return {
    plcUrl,
    did,
    handle,
    port,
    signingKey: signing.hex,
    recoveryKeys,
    ...(rotation ? { rotationKey: rotation.hex } : {}),
    ...(recovery ? { recoveryKey: recovery.hex } : {}),
  }
}

/** Makes the account active, as the owner does with `pds activate`. */
export const activate = async (cirrus: Cirrus): Promise<void> => {
  const answer = await fetch(`${cirrus.url}/xrpc/com.atproto.server.activateAccount`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`admin:${cirrus.adminPassword}`).toString('base64')}`,
    },
  })
  if (!answer.ok) throw new Error(`activateAccount: ${answer.status} ${await answer.text()}`)
}

/** Registers a did:plc account and starts its Cirrus; both are ready for use. */
export const startPlcCirrus = async (
  options: PlcAccountOptions & Omit<CirrusOptions, 'did' | 'rotationKey'>,
): Promise<Cirrus & { readonly account: PlcAccount }> => {
  const account = await createPlcAccount(options)
  const cirrus = await startCirrus({ ...options, ...account })
  try {
    await activate(cirrus)
  } catch (cause) {
    await cirrus.close()
    throw cause
  }
  return Object.assign(cirrus, { account })
}

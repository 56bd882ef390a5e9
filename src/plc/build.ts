import { canonicalJson } from '../canonicalJson.ts'
import { didForGenesis } from './cid.ts'
import { PlcError } from './errors.ts'
import { rotationKeyLimit, parseUnsignedOperation } from './parse.ts'
import type { Operation, PlcData, PlcHead, PlcService, UnsignedOperation } from './types.ts'

export const PDS_ID = 'atproto_pds'
export const PDS_TYPE = 'AtprotoPersonalDataServer'

/** The parsed input of signPlcOperation. A field that is left out keeps the head's value. */
export interface OperationRequest {
  rotationKeys?: string[]
  alsoKnownAs?: string[]
  verificationMethods?: Record<string, string>
  services?: Record<string, PlcService>
}

export interface BuildOptions {
  /** did:key of the rotation key that will sign. */
  ourKey: string
  /** The owner's RECOVERY_KEYS: always put first. */
  recoveryKeys: readonly string[]
  /** Set if a migration token authorizes the operation; `target` is the origin that a targeted token names. */
  token?: { target?: string | undefined }
}

/** The data of a head on which our key can build. Throws if it cannot. */
export const buildableData = (head: PlcHead, ourKey: string): PlcData => {
  if (!head.data) throw new PlcError('Tombstoned', `${head.did} has been tombstoned: no operation can follow`)
  if (!head.data.rotationKeys.includes(ourKey))
    throw new PlcError(
      'KeyNotCurrent',
      `this server's rotation key ${ourKey} is not among the current ones of ${head.did}: ${head.data.rotationKeys.join(', ')}`,
      'rotationKeys',
    )
  return head.data
}

const mergeRotationKeys = (data: PlcData, asked: string[] | undefined, opts: BuildOptions): string[] => {
  const above = data.rotationKeys.slice(0, data.rotationKeys.indexOf(opts.ourKey))
  const keys = [...new Set([...above, ...opts.recoveryKeys, ...(asked ?? data.rotationKeys)])]
  if (keys.length === 0) throw new PlcError('NoRotationKey', 'no rotation key would be left', 'rotationKeys')
  const limit = rotationKeyLimit(data.rotationKeys)
  if (keys.length > limit)
    throw new PlcError(
      'TooManyKeys',
      `with the keys that must stay in front there would be ${keys.length} rotation keys, at most ${limit} are allowed: ${keys.join(', ')}`,
      'rotationKeys',
    )
  return keys
}

const refuseOtherIds = <T>(
  field: string,
  allowed: string,
  before: Record<string, T>,
  asked: Record<string, T> = {},
): void => {
  for (const [id, value] of Object.entries(asked))
    if (id !== allowed && canonicalJson(before[id]) !== canonicalJson(value))
      throw new PlcError(
        'ChangeNotAllowed',
        `a migration token changes ${field}.${allowed} only, not ${field}.${id}`,
        `${field}.${id}`,
      )
}

const checkEndpoint = (service: PlcService | undefined, target: string | undefined): void => {
  const field = `services.${PDS_ID}`
  if (service && service.type !== PDS_TYPE)
    throw new PlcError('ChangeNotAllowed', `${field}.type must be ${PDS_TYPE}`, `${field}.type`)
  if (target === undefined) return
  if (!service || service.endpoint.replace(/\/$/, '') !== target)
    throw new PlcError(
      'WrongEndpoint',
      `the token is for ${target}, the operation would name ${service?.endpoint ?? 'no PDS'}`,
      `${field}.endpoint`,
    )
}

/**
 * Merges a request into the head: services and verification methods by id, so that a labeler is kept; rotation
 * keys after those that must stay first. Refuses what would lock the owner out, and what a token does not allow.
 */
export const buildOperation = (
  head: PlcHead,
  request: OperationRequest,
  opts: BuildOptions,
): UnsignedOperation => {
  const data = buildableData(head, opts.ourKey)
  const operation: UnsignedOperation = {
    type: 'plc_operation',
    rotationKeys: mergeRotationKeys(data, request.rotationKeys, opts),
    verificationMethods: { ...data.verificationMethods, ...request.verificationMethods },
    alsoKnownAs: request.alsoKnownAs ?? data.alsoKnownAs,
    services: { ...data.services, ...request.services },
    prev: head.cid,
  }
  if (opts.token) {
    refuseOtherIds('services', PDS_ID, data.services, request.services)
    refuseOtherIds('verificationMethods', 'atproto', data.verificationMethods, request.verificationMethods)
    checkEndpoint(operation.services[PDS_ID], opts.token.target)
  }
  return parseUnsignedOperation(operation)
}

/** An operation with unchanged data. It replaces one that was signed on this head but never sent. */
export const buildVoidOperation = (head: PlcHead, ourKey: string): UnsignedOperation => {
  const data = buildableData(head, ourKey)
  // An account in the legacy form may have one key in both roles; the directory now refuses duplicates.
  const rotationKeys = [...new Set(data.rotationKeys)]
  return parseUnsignedOperation({ type: 'plc_operation', ...data, rotationKeys, prev: head.cid })
}

/** What signs a genesis operation: a rotation key. */
export interface OperationSigner {
  /** did:key. */
  readonly did: string
  signOperation(operation: UnsignedOperation): Promise<Operation>
}

/** Makes a new did:plc: the owner's recovery keys first, ours after them. */
export const createGenesis = async (
  key: OperationSigner,
  opts: { recoveryKeys: readonly string[]; signingKey: string; handle: string; endpoint: string },
): Promise<{ did: string; operation: Operation }> => {
  const operation = await key.signOperation({
    type: 'plc_operation',
    rotationKeys: [...new Set([...opts.recoveryKeys, key.did])],
    verificationMethods: { atproto: opts.signingKey },
    alsoKnownAs: [`at://${opts.handle}`],
    services: { [PDS_ID]: { type: PDS_TYPE, endpoint: opts.endpoint } },
    prev: null,
  })
  return { did: await didForGenesis(operation), operation }
}

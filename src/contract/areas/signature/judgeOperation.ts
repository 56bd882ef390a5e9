import { canonicalJson } from '../../../canonicalJson.ts'
import { diffOperation } from '../../../plc/diffOperation.ts'
import { findSigner } from '../../../plc/findSigner.ts'
import { parseOperation } from '../../../plc/parse.ts'
import type { PlcData } from '../../../plc/types.ts'
import { inText } from '../../inText.ts'
import type { Problem } from '../../types.ts'

/** The newest operation of a log, which is not a tombstone. */
export interface Head {
  readonly cid: string
  readonly data: PlcData
}

/** What the directory would say against a signed operation. Throws for what is not an operation. */
export async function invalidity(signed: unknown, { cid, data }: Head): Promise<Problem> {
  const operation = parseOperation(signed)
  if (operation.prev !== cid) return `prev is ${inText(operation.prev)}, and the newest operation is ${cid}`
  const signer = await findSigner(operation, data.rotationKeys)
  return signer === undefined
    ? `none of the rotation keys has signed it: ${data.rotationKeys.join(', ')}`
    : undefined
}

/** How a signed operation differs from what was asked for. */
export function difference(signed: unknown, wanted: PlcData): Problem {
  const { rotationKeys, verificationMethods, alsoKnownAs, services } = parseOperation(signed)
  const set: PlcData = { rotationKeys, verificationMethods, alsoKnownAs, services }
  if (canonicalJson(set) === canonicalJson(wanted)) return undefined
  const changes = diffOperation(wanted, set).map(({ text }) => text)
  return changes.length > 0 ? `not as asked: ${changes.join('; ')}` : `it sets ${canonicalJson(set)}`
}

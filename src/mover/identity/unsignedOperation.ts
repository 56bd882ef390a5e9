import { PlcError } from '../../plc/errors.ts'
import { parseUnsignedOperation, rotationKeyLimit } from '../../plc/parse.ts'
import type { PlcData, UnsignedOperation } from '../../plc/types.ts'
import { MoverError } from '../moverError.ts'

/** The operation that changes a DID from what its head says. Throws a MoverError if the directory would not take it. */
export function unsignedOperation(head: { cid: string; data: PlcData }, after: PlcData): UnsignedOperation {
  const { rotationKeys } = after
  const limit = rotationKeyLimit(head.data.rotationKeys)
  if (rotationKeys.length > limit)
    throw new MoverError(
      'too-many-keys',
      `the DID would have ${rotationKeys.length} rotation keys, and the directory takes ${limit}: ${rotationKeys.join(', ')}`,
    )
  try {
    return parseUnsignedOperation({ type: 'plc_operation', ...after, prev: head.cid })
  } catch (cause) {
    if (!(cause instanceof PlcError)) throw cause
    const message = `the directory would not take the operation: ${cause.message}`
    throw new MoverError('directory-refused', message, { cause })
  }
}

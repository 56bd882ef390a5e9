import { onFault } from '../../../src/fault.ts'

/** What a durable step throws where a test kills it. */
export const KILLED = new Error('killed')

/** The object dies at this point, until `onFault(undefined)`. */
export const killAt = (point: string): void =>
  onFault((name) => {
    if (name === point) throw KILLED
  })

/** What a call answers where its object died. */
export const DIED = { status: 500, error: 'InternalServerError' }

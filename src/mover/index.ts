/**
 * Moves an account from any PDS to any other.
 *
 * @module
 */
export {
  MOVER_ERRORS,
  MoverError,
  type MoverErrorCode,
  type MoverErrorOptions,
  type StopKind,
} from './moverError.ts'
export * from './types.ts'

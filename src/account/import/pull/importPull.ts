import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import { byteStream } from '../../../streams/byteStream.ts'
import { XrpcError } from '../../../xrpc/errors.ts'
import { DATABASE_LIMIT_BYTES } from '../../db/databaseLimit.ts'
import { type Head, readCounts } from '../../db/head.ts'
import type { Sql } from '../../db/sql.ts'
import type { ImportCar } from '../importCar.ts'
import type { Imports } from '../imports.ts'
import { PullError } from './pullError.ts'
import { changePull, partReader, type PullState } from './pullState.ts'

export interface ImportPullDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  imports: Pick<Imports, 'progress' | 'endStalled'>
  importCar: ImportCar
}

/**
 * Imports what was received, unless another import is running. The pull is done in the transaction that puts the repository
 * in place.
 */
export const importPull = async (
  { sql, platform, imports, importCar }: ImportPullDeps,
  pull: PullState,
  signal: AbortSignal,
): Promise<void> => {
  // A second import would end it.
  imports.endStalled()
  if (imports.progress)
    throw new PullError('Retry', 'ImportInProgress', 'another import is running: this one waits for its end')
  const done = ({ rev, root }: Head): void =>
    changePull(sql, () => ({
      state: 'done',
      detail: { rev, commit: root.toString(), records: readCounts(sql).records },
      changedAt: platform.now(),
    }))
  const body = byteStream({
    begin: (fail) => signal.addEventListener('abort', () => fail(new Error('the pull was cancelled'))),
    next: partReader(sql, pull),
    cancel: () => {},
  })
  try {
    const { head, changed } = await importCar(body, {
      limit: DATABASE_LIMIT_BYTES,
      source: pull.source,
      within: (head) => {
        signal.throwIfAborted()
        done(head)
      },
    })
    if (!changed) sql.transaction(() => done(head))
    fault('pull.afterDone')
  } catch (cause) {
    if (!(cause instanceof XrpcError) || signal.aborted) throw cause
    const { error, message } = cause
    if (error === 'UpstreamFailure') throw new PullError('Retry', error, message)
    // Answers that do not fit together, perhaps: all of it from one answer will do.
    const isPatched = error === 'InvalidRequest' && pull.pieces > 1
    throw new PullError(isPatched ? 'Restart' : 'Refused', error, message)
  }
}

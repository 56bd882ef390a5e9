import { logFailure } from '../../log.ts'
import type { OutboundStream } from '../../outboundStream.ts'
import type { Platform } from '../../platform.ts'
import { policy, type State } from '../../policy.ts'
import { createImportCar, type ImportCar, type ImportCarDeps } from './importCar.ts'
import type { ImportDeps } from './importDeps.ts'
import { createImports, type Imports } from './imports.ts'
import { createPulls, type Pulls } from './pull/pulls.ts'
import { createUploads, type Uploads } from './pull/uploads.ts'

/** The ways in which a repository comes in. */
export interface Incoming {
  imports: Imports
  /** Replaces the repository, verified with the keys that the DID names. */
  importCar: ImportCar
  pulls: Pulls
  uploads: Uploads
}

export interface IncomingDeps extends ImportDeps, Omit<ImportCarDeps, 'imports'> {
  platform: Pick<Platform, 'now' | 'sleep' | 'timer'>
  send: OutboundStream
  state(): State
}

export const createIncoming = (deps: IncomingDeps): Incoming => {
  const imports = createImports(deps)
  const importCar = createImportCar({ ...deps, imports })
  const mayPull = policy['com.cirrus.admin.pullRepo'].who.admin
  const pulls = createPulls({
    ...deps,
    imports,
    importCar,
    mayPull: () => mayPull.some((allowed) => allowed === deps.state()),
    report: (cause) => logFailure('pull-failed', cause),
  })
  return { imports, importCar, pulls, uploads: createUploads({ ...deps, imports }) }
}

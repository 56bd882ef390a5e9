import type { UndoEvent, UndoReport, UndoRequest } from '../../../src/mover/undo/undoTypes.ts'
import { undoMove } from '../../../src/mover/undo/undoMove.ts'
import { MoverError } from '../../../src/mover/moverError.ts'
import type { Confirmation, Owner, QuestionName } from '../../../src/mover/owner.ts'
import type { RotationKey } from '../../../src/signing/keys.ts'
import { buildUndo } from '../../../src/plc/undo.ts'
import { signOperation } from '../fakes/directory.ts'
import { createWorld, type FakeWorldOptions } from '../fakes/fakeWorld.ts'
import { memoryStore } from '../fakes/memoryStore.ts'

/** The account after a complete move to a server with a rotation key of its own, with the undo operation from before. */
export const movedWorld = async (options: FakeWorldOptions = {}) => {
  const world = await createWorld({ ...options, startMs: Date.UTC(2026, 10, 1) })
  const { account, target, source, did, directory, ownerKeys, network } = world
  const made = await world.createAtTarget()
  await made.repo.import(await account.repo.car(), account.repo.rev)
  for (const [cid, blob] of account.blobs) made.blobs.set(cid, blob)
  const head = directory.data(did)
  const [owner] = ownerKeys
  if (!head || !owner) throw new Error('the DID has no data, or no key of its owner')
  const { cid, ...data } = head
  const recoveryKey: RotationKey = {
    did: owner.did(),
    signOperation: (operation) => signOperation(owner, operation),
  }
  const file = { did, operation: await recoveryKey.signOperation(buildUndo(data, cid)) }
  await network.wait(1000, new AbortController().signal)
  const operation = await signOperation(source.rotationKey, {
    type: 'plc_operation',
    ...data,
    rotationKeys: [...ownerKeys.map((key) => key.did()), target.rotationKey.did()],
    verificationMethods: { atproto: made.signingKey.did() },
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: target.origin } },
    prev: cid,
  })
  await directory.submit(did, operation)
  account.active = false
  made.active = true
  await target.write(made, {})
  return { ...world, made, file, recoveryKey, store: memoryStore() }
}

export type UndoWorld = Awaited<ReturnType<typeof movedWorld>>

export interface Answers {
  confirm?: (asked: Confirmation) => boolean
  targetPassword?: string
}

/** Runs the undo as a command would, and returns what happened. */
export const runUndo = async (
  world: UndoWorld,
  more: Partial<UndoRequest> & { answers?: Answers; signal?: AbortSignal } = {},
): Promise<{ report: UndoReport; events: UndoEvent[]; asked: Confirmation[] }> => {
  const { network, directory, did, password, store } = world
  const { answers = {}, signal = new AbortController().signal, ...request } = more
  const events: UndoEvent[] = []
  const asked: Confirmation[] = []
  const answer = (name: QuestionName, asks: unknown): unknown => {
    if (name === 'sourcePassword') return password
    if (name === 'targetPassword') return answers.targetPassword ?? 'new password'
    if (name !== 'confirm') throw new Error(`nobody answers ${name}`)
    const confirmation = asks as Confirmation
    asked.push(confirmation)
    const yes = answers.confirm?.(confirmation) ?? !confirmation.insists
    if (!yes && confirmation.insists) throw new MoverError('not-confirmed', 'there is nobody to ask')
    return yes
  }
  const owner: Owner = { answer: async (name, asks) => answer(name, asks) as never }
  const report = await undoMove({
    account: did,
    owner,
    deps: {
      ...network,
      random: (n) => new Uint8Array(n),
      signal,
      directoryUrl: directory.origin,
      dev: false,
    },
    openStore: async () => store,
    emit: (event) => void events.push(event),
    file: world.file,
    ...request,
  })
  return { report, events, asked }
}

import type { Target } from '../engine.ts'
import { archive } from './archive.ts'
import { assertion } from './assertion.ts'
import { bucketList } from './bucketList.ts'
import { car } from './car.ts'
import { carIndex } from './carIndex.ts'
import { cbor, validCbor } from './cbor.ts'
import { cid } from './cid.ts'
import { client } from './client.ts'
import { did } from './did.ts'
import { diff } from './diff.ts'
import { dpop } from './dpop.ts'
import { jws } from './jws.ts'
import { node } from './node.ts'
import { params } from './params.ts'
import { permissionSet, recordProof } from './permissionSet.ts'
import { plc } from './plc.ts'
import { record } from './record.ts'
import { repo } from './repo.ts'
import { scope } from './scope.ts'
import { views } from './views.ts'
import { derSignature, webauthn } from './webauthn.ts'

/** Every parser of foreign bytes. The types of their inputs differ, but a target is given only what it makes itself. */
export const TARGETS = [
  car,
  cbor,
  validCbor,
  cid,
  node,
  repo,
  carIndex,
  diff,
  jws,
  plc,
  params,
  record,
  did,
  views,
  archive,
  bucketList,
  scope,
  permissionSet,
  recordProof,
  webauthn,
  derSignature,
  dpop,
  client,
  assertion,
] as unknown as readonly Target[]

import type { Target } from '../engine.ts'
import { car } from './car.ts'
import { cbor, validCbor } from './cbor.ts'
import { cid } from './cid.ts'
import { did } from './did.ts'
import { diff } from './diff.ts'
import { jws } from './jws.ts'
import { node } from './node.ts'
import { params } from './params.ts'
import { plc } from './plc.ts'
import { record } from './record.ts'
import { repo } from './repo.ts'

/** Every parser of foreign bytes. Each keeps its input's type to itself: what it makes, only it is given. */
export const TARGETS = [
  car,
  cbor,
  validCbor,
  cid,
  node,
  repo,
  diff,
  jws,
  plc,
  params,
  record,
  did,
] as unknown as readonly Target[]

import { createCurve } from '@noble/curves/_shortw_utils.js'
import { Field } from '@noble/curves/abstract/modular.js'
import { sha256 } from '@noble/hashes/sha2.js'

/** SEC 2, section 2.4.2, as @noble/curves has it. */
const CURVE = {
  p: BigInt('0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff'),
  n: BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  h: BigInt(1),
  a: BigInt('0xffffffff00000001000000000000000000000000fffffffffffffffffffffffc'),
  b: BigInt('0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b'),
  Gx: BigInt('0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'),
  Gy: BigInt('0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5'),
}

/**
 * In place of `@noble/curves/p256` in the Worker's bundle (`[alias]` in wrangler.toml), which makes two more curves that
 * nothing uses, each time that a Worker starts. What it does is the library's.
 */
export const p256 = createCurve({ ...CURVE, Fp: Field(CURVE.p), lowS: false }, sha256)

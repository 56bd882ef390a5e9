export const STEP_NAMES = [
  'who',
  'preflight',
  'account',
  'repository',
  'blobs',
  'preferences',
  'preview',
  'confirm',
  'sign',
  'compare',
  'submit',
  'catchUp',
  'activate',
  'verify',
  'deactivate',
  'lateRecords',
  'report',
] as const

export type StepName = (typeof STEP_NAMES)[number]

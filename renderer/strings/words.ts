import type { en } from './en.ts';

export type Texts<T> = { readonly [K in keyof T]: T[K] extends string ? string : Texts<T[K]> };
/** Every language has every word. */
export type Words = Texts<typeof en>;

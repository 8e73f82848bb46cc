// Types of rooms.js.
export const ROOMS: Readonly<
  Record<string, { readonly for: string; readonly may: readonly string[] }>
>;
export const ACTIONS_MAY: readonly string[];
export const SHARED_NAMES: readonly string[];
export function roomOf(path: string): string | null;
export function mayTouchTheWorld(path: string): boolean;

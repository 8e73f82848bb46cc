// Values that are made when they are first needed.

/** Makes the value at the first call and gives the same one at every later call. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

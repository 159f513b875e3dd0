/** What comes from a service or a phase file, made fit to be shown. Nothing of it is dropped: what has no form of its own gets one. */

/**
 * Control characters (ANSI sequences begin with one), lone surrogates and the marks that turn the direction of writing, made visible as
 * `<U+202E>`. Line breaks and tabs stay. Source: Unicode Standard Annex 9, "Explicit Directional Formatting Characters".
 */
export function visible(value: string): string {
  return value
    .toWellFormed()
    .replace(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]/g,
      (mark) => (mark === '\r' ? ' ' : `<U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}>`),
    );
}

/** At most so many characters, with how many there were. */
export function bounded(value: string, most: number): string {
  return value.length > most ? `${value.slice(0, most)}... (${value.length} characters)` : value;
}

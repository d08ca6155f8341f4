/** Whether the page is light or dark: colours depend on it. */

export type Theme = "light" | "dark";

/** Whether the page is light or dark: colours depend on it. */

export type Theme = "light" | "dark";

/** Programs whose own colours and letters a view takes; any other page gives it neither. */
export type Host = "lab" | "vscode" | "page";

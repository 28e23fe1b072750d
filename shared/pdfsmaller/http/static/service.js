// What this service is and can do, as it says itself within the page.

export const service = JSON.parse(document.getElementById("service").textContent);

export const operation = (name) => service.operations.find((one) => one.name === name);

// Whether an operation has an option: what is not offered has no button.
export const has = (name, option) => Boolean(operation(name)?.options.includes(option));

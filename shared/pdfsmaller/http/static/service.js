// What this service is and can do, as it says itself within the page.

export const service = JSON.parse(document.getElementById("service").textContent);

export const operation = (name) => service.operations.find((one) => one.name === name);

SET application_name = 'V1';
SELECT 1;
